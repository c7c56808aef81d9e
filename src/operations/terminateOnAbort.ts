import type { AbortSignalLike } from "@azure/abort-controller";
import { isBatchAIError } from "../http/batchAIError.ts";
import type { LongRunningOperationOptions, OperationOptions } from "../http/options.ts";
import type { OperationPoller } from "../http/polling/poller.ts";
import { isNotFound } from "./waiting.ts";
import type { Confirm } from "./waiting.ts";

/** Terminates a job. */
export type Terminate = (options: LongRunningOperationOptions) => OperationPoller<void>;

/** Time in milliseconds after an abort in which requests can still be sent: an interrupted program must not hang. */
export const patienceInMs = 10_000;

/** How to leave a job after an abort. */
export interface Leaving extends OperationOptions {
  readonly terminateOnAbort?: boolean;
}

/**
 * Leaves a job after the wait for it was aborted: terminates it if the caller asked for that, and only if it is still the
 * same job. Returns the clause that says what becomes of the job, as soon as the service has accepted the termination.
 * Never rejects.
 *
 * @param late - Signal for these requests; that of the caller is aborted already.
 */
export async function leaveJob(
  terminate: Terminate,
  confirm: Confirm,
  late: AbortSignalLike,
  { terminateOnAbort = false, onResponse, tracingOptions, requestOptions }: Leaving,
): Promise<string> {
  if (!terminateOnAbort) return "the job continues";
  try {
    await confirm(late);
    await terminate({ onResponse, tracingOptions, requestOptions, abortSignal: late }).submitted();
    return "the job is being terminated";
  } catch (error) {
    if (isBatchAIError(error, "ResourceReplaced")) return "the job was replaced by another one, which continues";
    if (isNotFound(error)) return "the job does not exist";
    const reason = late.aborted ? `no response within ${patienceInMs / 1000} seconds` : messageOf(error);
    return `the job may continue, because it could not be terminated: ${reason}`;
  }
}

/** Calls `run` with a signal that is aborted some time after `signal`. Leaves no listener or timer behind. */
export async function withLateSignal<T>(
  signal: AbortSignalLike | undefined,
  delayInMs: number,
  run: (late: AbortSignalLike) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const start = (): void => {
    timer = setTimeout(() => late.abort(), delayInMs);
  };
  if (signal?.aborted) start();
  else signal?.addEventListener("abort", start);
  try {
    return await run(late.signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", start);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
