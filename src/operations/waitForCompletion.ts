import { checkOptions } from "../http/checkOptions.ts";
import type { ServiceContext } from "../http/context.ts";
import type { ExecutionState, Job, WaitingReason } from "../models/job.ts";
import { leaveJob, patienceInMs, withLateSignal } from "./terminateOnAbort.ts";
import type { Terminate } from "./terminateOnAbort.ts";
import { JobFailedError } from "./waitErrors.ts";
import { pollUntil, Watch } from "./waiting.ts";
import type { Poll, Waiting, WaitOptions } from "./waiting.ts";

/** A change of the state of a job. */
export interface JobStateChange {
  /** State at the previous poll. Absent in the first event. */
  readonly oldState?: ExecutionState;
  /** Current state. States that begin and end between two polls are not reported. */
  readonly newState: ExecutionState;
  /** The job in its new state. */
  readonly job: Job;
}

/** Options of `jobs.waitForCompletion`. */
export interface JobsWaitForCompletionOptions extends WaitOptions {
  /**
   * Called with the initial state of the job and after each change. The wait awaits a promise that the callback returns.
   * An exception from the callback ends the wait.
   */
  onStateChange?: (change: JobStateChange) => unknown;
  /**
   * Called with the reason why the job waits, while it is queued, and after each change of the reason. The service of
   * this package reports reasons, Azure does not. The wait awaits a promise that the callback returns. An exception from
   * the callback ends the wait.
   */
  onWaiting?: (reason: WaitingReason, job: Job) => unknown;
  /** Whether to reject if the job failed. Default: true. If false, check `executionState` of the result. */
  throwOnFailure?: boolean;
  /**
   * Whether to terminate the job if `abortSignal` is aborted. If true, the method rejects after the service has
   * accepted the termination, or after about 10 seconds without a response; the message of the `AbortError` says which.
   * Never terminates another job that was created with the same name during the wait. Default: false, the job continues.
   */
  terminateOnAbort?: boolean;
}

/** A job to wait for. */
export interface AwaitedJob {
  readonly jobName: string;
  /** ARM ID of the job. */
  readonly resource: string;
  readonly get: Poll<Job>;
  readonly terminate: Terminate;
}

/** Waits until a job ends. */
export async function waitForCompletion(
  context: ServiceContext,
  { jobName, resource, get, terminate }: AwaitedJob,
  options: JobsWaitForCompletionOptions,
): Promise<Job> {
  const operation = "jobs.waitForCompletion";
  checkOptions(operation, options);
  return withLateSignal(options.abortSignal, patienceInMs, (late) => {
    const waiting: Waiting = {
      operation,
      resource,
      subject: `job ${jobName}`,
      leave: (confirm) => leaveJob(terminate, confirm, late, options),
    };
    return followToEnd(new Watch(context, waiting, options, get), options);
  });
}

/**
 * Waits until a watched job ends, and reports its states. Calls `readOutput` after each look at the job, until the job
 * has ended.
 */
export async function followToEnd(
  watch: Watch<Job>,
  { onStateChange, onWaiting, throwOnFailure = true }: JobsWaitForCompletionOptions,
  readOutput?: (job: Job) => Promise<void> | undefined,
): Promise<Job> {
  let state: ExecutionState | undefined;
  const report = async (job: Job): Promise<void> => {
    const { executionState: newState = "queued" } = job;
    const oldState = state;
    state = newState;
    if (newState !== oldState) await onStateChange?.({ oldState, newState, job });
  };
  let waiting: string | undefined;
  const reportWaiting = async (job: Job): Promise<void> => {
    const reason = job.batchai?.waitingFor;
    const before = waiting;
    waiting = reason && JSON.stringify(reason);
    if (reason && waiting !== before) await onWaiting?.(reason, job);
  };
  const job = await pollUntil(watch, async (seen) => {
    const isOver = hasEnded(seen);
    if (!isOver) await report(seen);
    await reportWaiting(seen);
    await readOutput?.(seen);
    // The end is reported after the rest of the output, so that no output follows it.
    if (isOver) await report(seen);
    return isOver;
  });
  if (throwOnFailure && job.executionState === "failed") throw new JobFailedError(job);
  return job;
}

/** Whether a job has ended. */
export function hasEnded({ executionState }: Job): boolean {
  return executionState === "succeeded" || executionState === "failed";
}
