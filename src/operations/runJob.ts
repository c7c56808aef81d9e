import type { AbortSignalLike } from "@azure/abort-controller";
import { isRestError } from "@azure/core-rest-pipeline";
import type { RestError } from "@azure/core-rest-pipeline";
import type { ServiceContext } from "../http/context.ts";
import type { LongRunningOperationOptions } from "../http/options.ts";
import type { OperationPoller } from "../http/polling/poller.ts";
import type { Job } from "../models/job.ts";
import { JobOutputReader } from "./jobOutput.ts";
import type { JobOutput } from "./jobOutput.ts";
import type { ListFiles } from "./outputFile.ts";
import { afterAbortedWait, patienceInMs, terminateAfterAbort, withLateSignal } from "./terminateOnAbort.ts";
import { followToEnd } from "./waitForCompletion.ts";
import type { AwaitedJob, JobsWaitForCompletionOptions } from "./waitForCompletion.ts";
import { abortedError, Watch } from "./waiting.ts";
import type { Waiting } from "./waiting.ts";

/** Options of `jobs.run`. */
export interface JobsRunOptions extends JobsWaitForCompletionOptions {
  /**
   * Called with each new piece of text that the job writes to its standard output or standard error. Requires a
   * `stdOutErrPathPrefix` on a file share. An exception from the callback ends the wait; the job continues.
   */
  onOutput?: (output: JobOutput) => void;
}

/** A job to run. */
export interface RunnableJob extends AwaitedJob {
  readonly create: (options: LongRunningOperationOptions) => OperationPoller<Job>;
  /** Lists the directory of its standard output and error. */
  readonly listOutput: ListFiles;
}

const operation = "jobs.run";

/** Creates a job, hands on its output and its states, and waits until it ends. */
export async function runJob(context: ServiceContext, job: RunnableJob, options: JobsRunOptions): Promise<Job> {
  const { jobName, resource, get, listOutput } = job;
  const waiting: Waiting = {
    operation,
    resource,
    subject: `job ${jobName}`,
    afterAbort: () => afterAbortedWait(job.terminate, options),
  };
  const created = await create(job, waiting, options);
  const watch = new Watch(context, waiting, options, get, created);
  const output = options.onOutput && new JobOutputReader(context, watch, listOutput, options.onOutput);
  return followToEnd(watch, options, (seen) => output?.handOn(seen));
}

/**
 * Creates the job. If the job must be terminated on an abort, the SDK still waits for the response to the creation for
 * a while: a termination could overtake the creation, and would hit another job if the service rejects the creation.
 */
async function create(job: RunnableJob, waiting: Waiting, options: JobsRunOptions): Promise<Job> {
  const { abortSignal, terminateOnAbort } = options;
  if (abortSignal?.aborted) {
    throw await abortedError({ ...waiting, afterAbort: () => "the job was not created" }, options);
  }
  const creation = { isAccepted: false };
  const send = async (signal: AbortSignalLike | undefined): Promise<Job> => {
    const poller = job.create({ ...options, abortSignal: signal });
    await poller.submitted();
    creation.isAccepted = true;
    return await poller;
  };
  try {
    return await (terminateOnAbort ? withLateSignal(abortSignal, patienceInMs, send) : send(abortSignal));
  } catch (error) {
    if (!abortSignal?.aborted) throw error;
    const isRejected = !creation.isAccepted && isRestError(error) && isRejection(error);
    const afterAbort = isRejected
      ? () => `the service did not create the job: ${error.message}`
      : () => afterAbortedCreation(job, options);
    throw await abortedError({ ...waiting, afterAbort }, options);
  }
}

function afterAbortedCreation(job: RunnableJob, options: JobsRunOptions): string | Promise<string> {
  return options.terminateOnAbort
    ? terminateAfterAbort(job.terminate, options)
    : "the job continues if the service has created it";
}

/** Whether the service rejected a request. After other errors, it may have accepted the request. */
function isRejection({ statusCode = 0 }: RestError): boolean {
  return statusCode >= 400 && statusCode < 500;
}
