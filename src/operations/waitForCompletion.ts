import type { ServiceContext } from "../http/context.ts";
import type { ExecutionState, Job } from "../models/job.ts";
import { JobFailedError } from "./problems.ts";
import { lookUntil } from "./waiting.ts";
import type { Look, WaitOptions } from "./waiting.ts";

/** A step of a job on its way. */
export interface JobStateChange {
  /** Where it was when it was last looked at. Absent in the first event. */
  readonly oldState?: ExecutionState;
  /** Where it is now. States that were over between two looks are not reported. */
  readonly newState: ExecutionState;
  /** The job as it is now. */
  readonly job: Job;
}

/** Options of `jobs.waitForCompletion`. */
export interface JobsWaitForCompletionOptions extends WaitOptions {
  /** Is told the state of the job at the beginning and whenever it is another one. What it throws ends the wait. */
  onStateChange?: (change: JobStateChange) => void;
  /** Whether a failed job is an error. Default: true; without, look at `executionState` of the result. */
  throwOnFailure?: boolean;
}

/** Waits for the end of a job. */
export async function waitForCompletion(
  context: ServiceContext,
  jobName: string,
  look: Look<Job>,
  { onStateChange, throwOnFailure = true, ...options }: JobsWaitForCompletionOptions,
): Promise<Job> {
  let state: ExecutionState | undefined;
  const takeNote = (job: Job): boolean => {
    const { executionState: newState = "queued" } = job;
    if (newState !== state) onStateChange?.({ oldState: state, newState, job });
    state = newState;
    return hasEnded(job);
  };
  const waiting = { operation: "jobs.waitForCompletion", subject: `job ${jobName}`, goesOn: "the job itself goes on" };
  const job = await lookUntil(context, waiting, options, look, takeNote);
  if (throwOnFailure && job.executionState === "failed") throw new JobFailedError(job);
  return job;
}

/** Whether a job is over. */
export function hasEnded({ executionState }: Job): boolean {
  return executionState === "succeeded" || executionState === "failed";
}
