import type { ServiceContext } from "../http/context.ts";
import type { ExecutionState, Job } from "../models/job.ts";
import { JobFailedError } from "./waitErrors.ts";
import { pollUntil } from "./waiting.ts";
import type { Poll, WaitOptions } from "./waiting.ts";

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
  /** Called with the initial state of the job and after each change. An exception from the callback ends the wait. */
  onStateChange?: (change: JobStateChange) => void;
  /** Whether to reject if the job failed. Default: true. If false, check `executionState` of the result. */
  throwOnFailure?: boolean;
}

/** Waits until a job ends. */
export async function waitForCompletion(
  context: ServiceContext,
  jobName: string,
  poll: Poll<Job>,
  { onStateChange, throwOnFailure = true, ...options }: JobsWaitForCompletionOptions,
): Promise<Job> {
  let state: ExecutionState | undefined;
  const isDone = (job: Job): boolean => {
    const { executionState: newState = "queued" } = job;
    if (newState !== state) onStateChange?.({ oldState: state, newState, job });
    state = newState;
    return hasEnded(job);
  };
  const waiting = {
    operation: "jobs.waitForCompletion",
    subject: `job ${jobName}`,
    whatContinues: "the job continues",
  };
  const job = await pollUntil(context, waiting, options, poll, isDone);
  if (throwOnFailure && job.executionState === "failed") throw new JobFailedError(job);
  return job;
}

/** Whether a job has ended. */
export function hasEnded({ executionState }: Job): boolean {
  return executionState === "succeeded" || executionState === "failed";
}
