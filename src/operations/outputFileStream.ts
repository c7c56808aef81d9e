import { RestError } from "@azure/core-rest-pipeline";
import type { ServiceContext } from "../http/context.ts";
import { pollIntervalInMs } from "../http/pollInterval.ts";
import { ValidationError } from "../http/validationError.ts";
import type { Job } from "../models/job.ts";
import { issuesOf, longestPart, OutputFile } from "./outputFile.ts";
import type { ListFiles } from "./outputFile.ts";
import { JobFailedError } from "./problems.ts";
import { hasEnded } from "./waitForCompletion.ts";
import { explained, pause } from "./waiting.ts";
import type { Look, WaitOptions } from "./waiting.ts";

/** Options of `jobs.streamOutputFile`. */
export interface JobsStreamOutputFileOptions extends WaitOptions {
  /** Number of bytes to skip, for example those that were read before an interruption; at least 0. Default: 0. */
  offset?: number;
}

/**
 * The content of a file that may still grow: iterate over its bytes, over its lines, or wait for all of it. Every
 * iteration begins anew; nothing is sent before the first step.
 */
export interface OutputFileStream extends AsyncIterable<Uint8Array> {
  /** Its lines as UTF-8 text, without their ends (LF or CR LF); the last one need not have an end. */
  lines(): AsyncIterable<string>;
  /** All of it as UTF-8 text, as soon as the job has ended. */
  text(): Promise<string>;
}

/** What a stream reads, and whose file it is. */
export interface StreamSource {
  readonly jobName: string;
  readonly path: string;
  readonly list: ListFiles;
  readonly look: Look<Job>;
}

/** Makes the stream of an output file. */
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
  const waiting = { operation, subject: `job ${jobName}`, goesOn: "the job itself goes on" };
  const { offset = 0 } = options;
  const issues = issuesOf("offset", offset, 0);
  if (issues.length > 0) throw new ValidationError(operation, issues);
  const file = new OutputFile(context, operation, path, source.list);
  let wasThere = false;
  try {
    for (let position = offset; ;) {
      // Asked before reading: what the job has written until its end is read before the loop ends.
      const job = await source.look(options);
      wasThere = true;
      let part = await file.read({ offset: position, length: longestPart }, options);
      const isThere = part !== undefined;
      while (part !== undefined && part.content.length > 0) {
        position += part.content.length;
        yield part.content;
        if (part.content.length < longestPart) break;
        part = await file.read({ offset: position, length: longestPart }, options);
      }
      if (part?.fileSize !== undefined && part.fileSize < position)
        throw shortenedError(source, part.fileSize, position);
      if (hasEnded(job) && !isThere) throw notThereError(source, job);
      if (hasEnded(job)) return;
      await pause(pollIntervalInMs(context, options), options);
    }
  } catch (error) {
    throw explained(error, waiting, options, wasThere);
  }
}

function shortenedError({ jobName, path }: StreamSource, size: number, position: number): RestError {
  const message =
    `jobs.streamOutputFile: ${path} of job ${jobName} has become shorter, ${size} bytes instead of ${position} or more: ` +
    "it was written anew, and what follows does not belong to what came before [OutputFileChanged]";
  return new RestError(message, { code: "OutputFileChanged" });
}

function notThereError({ jobName, path }: StreamSource, job: Job): RestError {
  const failure = job.executionState === "failed" ? ` ${new JobFailedError(job).message}` : "";
  const message = `jobs.streamOutputFile: job ${jobName} has ended without the file ${path}.${failure} [OutputFileNotFound]`;
  return new RestError(message, { code: "OutputFileNotFound" });
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
