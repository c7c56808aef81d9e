import type { AbortSignalLike } from "@azure/abort-controller";
import { isRestError } from "@azure/core-rest-pipeline";
import type { RestError } from "@azure/core-rest-pipeline";
import { isAbortError } from "../http/abortError.ts";
import { checkOptions } from "../http/checkOptions.ts";
import type { ServiceContext } from "../http/context.ts";
import type { LongRunningOperationOptions } from "../http/options.ts";
import type { OperationPoller } from "../http/polling/poller.ts";
import { ValidationError } from "../http/validationError.ts";
import type { Job } from "../models/job.ts";
import { JobOutputReader } from "./jobOutput.ts";
import type { JobOutput } from "./jobOutput.ts";
import type { ListFiles } from "./outputFile.ts";
import { leaveJob, patienceInMs, withLateSignal } from "./terminateOnAbort.ts";
import { followToEnd } from "./waitForCompletion.ts";
import type { AwaitedJob, JobsWaitForCompletionOptions } from "./waitForCompletion.ts";
import { abortedError, Watch } from "./waiting.ts";
import type { Waiting } from "./waiting.ts";

/** Options of `jobs.run`. */
export interface JobsRunOptions extends JobsWaitForCompletionOptions {
  /**
   * Called with each new piece of text that the job writes to its standard output or standard error. Requires a
   * `stdOutErrPathPrefix` on a file share. Keeps the order within a file, but not between files. The method awaits a
   * promise that the callback returns. An exception from the callback ends the wait; the job continues.
   */
  onOutput?: (output: JobOutput) => unknown;
}

/** A job to run. */
export interface RunnableJob extends AwaitedJob {
  readonly create: (options: LongRunningOperationOptions) => OperationPoller<Job>;
  /** Lists the directory of its standard output and error. */
  readonly listOutput: ListFiles;
}

const operation = "jobs.run";

/** Creates a job, passes on its output and its states, and waits until it ends. */
export async function runJob(context: ServiceContext, job: RunnableJob, options: JobsRunOptions): Promise<Job> {
  checkOptions(operation, options);
  checkCallback(options.onOutput);
  return withLateSignal(options.abortSignal, patienceInMs, async (late) => {
    const { jobName, resource, get, terminate, listOutput } = job;
    const waiting: Waiting = {
      operation,
      resource,
      subject: `job ${jobName}`,
      leave: (confirm) => leaveJob(terminate, confirm, late, options),
    };
    const created = await create(job, waiting, late, options);
    const watch = new Watch(context, waiting, options, get, created);
    const output = options.onOutput && new JobOutputReader(context, watch, listOutput, options.onOutput);
    return followToEnd(watch, options, (seen) => output?.passOn(seen));
  });
}

/** Throws before anything is created if a caller in JavaScript passes something else. */
function checkCallback(onOutput: unknown): void {
  if (onOutput === undefined || typeof onOutput === "function") return;
  throw new ValidationError(operation, [{ path: "options.onOutput", message: "must be a function" }]);
}

/**
 * Creates the job. If the job must be terminated on an abort, the SDK still waits for the response to the creation for
 * a while: a termination could overtake the creation, and would hit another job if the service rejects the creation.
 */
async function create(
  job: RunnableJob,
  waiting: Waiting,
  late: AbortSignalLike,
  options: JobsRunOptions,
): Promise<Job> {
  const { abortSignal, terminateOnAbort } = options;
  if (abortSignal?.aborted) throw abortedError(waiting, options, "the job was not created");
  let isAccepted = false;
  try {
    const poller = job.create({ ...options, abortSignal: terminateOnAbort ? late : abortSignal });
    await poller.submitted();
    isAccepted = true;
    return await poller;
  } catch (error) {
    // An invalid argument, for example, is an error of its own.
    if (!abortSignal?.aborted || !(isAbortError(error) || isRestError(error))) throw error;
    throw abortedError(waiting, options, await outcomeOf(error, isAccepted));
  }

  async function outcomeOf(error: Error, wasAccepted: boolean): Promise<string> {
    if (wasAccepted) return waiting.leave(() => Promise.resolve());
    if (isRestError(error) && isRejection(error)) return `the service did not create the job: ${error.message}`;
    return "the job continues if the service has created it";
  }
}

/** Whether the service rejected a request. After other errors, it may have accepted the request. */
function isRejection({ statusCode = 0 }: RestError): boolean {
  return statusCode >= 400 && statusCode < 500;
}
