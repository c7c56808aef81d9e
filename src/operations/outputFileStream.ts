import type { RestError } from "@azure/core-rest-pipeline";
import type { ServiceContext } from "../http/context.ts";
import { pollPauseInMs } from "../http/polling/pollInterval.ts";
import { restError } from "../http/restError.ts";
import { ValidationError } from "../http/validationError.ts";
import type { Job } from "../models/job.ts";
import { issuesOf, longestPart, OutputFile } from "./outputFile.ts";
import type { ListFiles } from "./outputFile.ts";
import { JobFailedError } from "./waitErrors.ts";
import { hasEnded } from "./waitForCompletion.ts";
import { explainedError, pause } from "./waiting.ts";
import type { Poll, WaitOptions } from "./waiting.ts";

/** Options of `jobs.streamOutputFile`. */
export interface JobsStreamOutputFileOptions extends WaitOptions {
  /** Number of bytes to skip, for example bytes that you read before an interruption; at least 0. Default: 0. */
  offset?: number;
}

/**
 * Content of a file that may still grow. Iterate over its bytes or its lines, or await the whole text. Each iteration
 * starts over, and sends its first request when it starts.
 */
export interface OutputFileStream extends AsyncIterable<Uint8Array> {
  /**
   * Iterates over the lines as UTF-8 text, without their line ends (LF or CR LF). The last line may lack a line end.
   */
  lines(): AsyncIterable<string>;
  /** Returns the whole content as UTF-8 text, after the job has ended. */
  text(): Promise<string>;
}

/** Source of a stream: a file of a job. */
export interface StreamSource {
  readonly jobName: string;
  readonly path: string;
  readonly list: ListFiles;
  readonly getJob: Poll<Job>;
}

/** Creates the stream of an output file. */
export function streamOutputFile(
  context: ServiceContext,
  source: StreamSource,
  options: JobsStreamOutputFileOptions,
): OutputFileStream {
  const pieces = (): AsyncGenerator<Uint8Array> => follow(context, source, options);
  return {
    [Symbol.asyncIterator]: pieces,
    lines: () => linesOf(pieces()),
    text: () => textOf(pieces()),
  };
}

async function* follow(
  context: ServiceContext,
  source: StreamSource,
  options: JobsStreamOutputFileOptions,
): AsyncGenerator<Uint8Array> {
  const operation = "jobs.streamOutputFile";
  const { jobName, path } = source;
  const waiting = { operation, subject: `job ${jobName}`, whatContinues: "the job continues" };
  const { offset = 0 } = options;
  const issues = issuesOf("offset", offset, 0);
  if (issues.length > 0) throw new ValidationError(operation, issues);
  const file = new OutputFile(context, operation, path, source.list);
  let hasExisted = false;
  try {
    for (let position = offset; ;) {
      // The job is requested before the file is read. After the job has ended, the loop therefore still reads the rest.
      const job = await source.getJob(options);
      hasExisted = true;
      let part = await file.read({ offset: position, length: longestPart }, options);
      const exists = part !== undefined;
      while (part !== undefined && part.content.length > 0) {
        position += part.content.length;
        yield part.content;
        if (part.content.length < longestPart) break;
        part = await file.read({ offset: position, length: longestPart }, options);
      }
      if (part?.fileSize !== undefined && part.fileSize < position) throw shrunkError(source, part.fileSize, position);
      if (hasEnded(job) && !exists) throw missingFileError(source, job);
      if (hasEnded(job)) return;
      await pause(pollPauseInMs(context, options), options);
    }
  } catch (error) {
    throw explainedError(error, waiting, options, hasExisted);
  }
}

function shrunkError({ jobName, path }: StreamSource, size: number, position: number): RestError {
  const message =
    `jobs.streamOutputFile: ${path} of job ${jobName} shrank from at least ${position} to ${size} bytes: ` +
    "it was overwritten, so the stream cannot continue [OutputFileChanged]";
  return restError(message, { code: "OutputFileChanged" });
}

function missingFileError({ jobName, path }: StreamSource, job: Job): RestError {
  const failure = job.executionState === "failed" ? ` ${new JobFailedError(job).message}` : "";
  const message = `jobs.streamOutputFile: job ${jobName} ended without the file ${path}.${failure} [OutputFileNotFound]`;
  return restError(message, { code: "OutputFileNotFound" });
}

async function* linesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of textsOf(pieces)) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield line.endsWith("\r") ? line.slice(0, -1) : line;
  }
  if (rest !== "") yield rest;
}

async function textOf(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  let all = "";
  for await (const text of textsOf(pieces)) all += text;
  return all;
}

async function* textsOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const piece of pieces) yield decoder.decode(piece, { stream: true });
  yield decoder.decode();
}
