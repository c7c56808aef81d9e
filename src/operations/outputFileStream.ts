import type { RestError } from "@azure/core-rest-pipeline";
import type { ServiceContext } from "../http/context.ts";
import { restError } from "../http/restError.ts";
import { ValidationError } from "../http/validationError.ts";
import type { Job } from "../models/job.ts";
import { GrowingFile } from "./growingFile.ts";
import { issuesOf, OutputFile } from "./outputFile.ts";
import type { ListFiles } from "./outputFile.ts";
import { linesOf, textOf } from "./outputText.ts";
import { JobFailedError } from "./waitErrors.ts";
import { hasEnded } from "./waitForCompletion.ts";
import { watchedOutput } from "./watchedOutput.ts";
import { leave, Watch } from "./waiting.ts";
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
   * Rejects with a `RangeError` if a line is too long for a string of the JavaScript engine, which is at least 512 Mi
   * characters in Node.js; iterate over the bytes then.
   */
  lines(): AsyncIterable<string>;
  /**
   * Returns the whole content as UTF-8 text, after the job has ended. Rejects with a `RangeError` if the content is too
   * long for a string of the JavaScript engine; iterate over the lines or the bytes then.
   */
  text(): Promise<string>;
}

/** Source of a stream: a file of a job. */
export interface StreamSource {
  readonly jobName: string;
  /** ARM ID of the job. */
  readonly resource: string;
  readonly path: string;
  readonly list: ListFiles;
  readonly get: Poll<Job>;
}

const operation = "jobs.streamOutputFile";

/** Creates the stream of an output file. */
export function streamOutputFile(
  context: ServiceContext,
  source: StreamSource,
  options: JobsStreamOutputFileOptions,
): OutputFileStream {
  const pieces = (): AsyncGenerator<Uint8Array> => follow(context, source, options);
  const subject = subjectOf(source);
  return {
    [Symbol.asyncIterator]: pieces,
    lines: () => linesOf(pieces(), subject),
    text: () => textOf(pieces(), subject),
  };
}

async function* follow(
  context: ServiceContext,
  source: StreamSource,
  options: JobsStreamOutputFileOptions,
): AsyncGenerator<Uint8Array> {
  const { jobName, resource, path, list, get } = source;
  const { offset = 0 } = options;
  const issues = issuesOf("offset", offset, 0);
  if (issues.length > 0) throw new ValidationError(operation, issues);
  const waiting = { operation, resource, subject: `job ${jobName}`, leave: () => "the job continues" };
  const watch = new Watch(context, waiting, options, get);
  const output = new OutputFile(context, operation, { path, ...watchedOutput(watch, list) });
  const file = new GrowingFile(output, subjectOf(source), offset);
  try {
    for (;;) {
      // The job is requested before the file is read. After the job has ended, the loop therefore still reads the rest.
      const job = await watch.look();
      const exists = yield* file.unread(options);
      if (hasEnded(job) && !exists) throw missingFileError(source, job);
      if (hasEnded(job)) return;
      await watch.pause();
    }
  } catch (error) {
    throw await leave(error, watch);
  }
}

function subjectOf({ jobName, path }: StreamSource): string {
  return `${operation}: ${path} of job ${jobName}`;
}

function missingFileError({ jobName, path }: StreamSource, job: Job): RestError {
  const [failed = ""] = new JobFailedError(job).message.split("\n", 1); // Without the last lines of standard error.
  const failure = job.executionState === "failed" ? ` ${failed}` : "";
  const message = `${operation}: job ${jobName} ended without the file ${path}.${failure} [OutputFileNotFound]`;
  return restError(message, { code: "OutputFileNotFound" });
}
