import type { AbortSignalLike } from "@azure/abort-controller";
import { isNotFound } from "./waiting.ts";
import type { LongRunningOperationOptions, OperationOptions } from "../http/options.ts";
import type { OperationPoller } from "../http/polling/poller.ts";

/** Terminates a job. */
export type Terminate = (options: LongRunningOperationOptions) => OperationPoller<void>;

/** Maximum time in milliseconds for a response after an abort: a program that was interrupted must not hang. */
export const patienceInMs = 10_000;

/** Options of methods that can terminate their job. */
interface TerminationOptions extends OperationOptions {
  readonly terminateOnAbort?: boolean;
}

/** Terminates the job of an aborted wait if the caller asked for it. Returns the clause that says what continues. */
export function afterAbortedWait(terminate: Terminate, options: TerminationOptions): string | Promise<string> {
  return options.terminateOnAbort ? terminateAfterAbort(terminate, options) : "the job continues";
}

/**
 * Terminates a job after the wait for it was aborted. Returns the clause that says what became of the job, as soon as
 * the service has accepted the request. Never rejects.
 */
export async function terminateAfterAbort(terminate: Terminate, options: OperationOptions): Promise<string> {
  const { onResponse, tracingOptions, requestOptions } = options;
  // The signal of the caller is aborted already.
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), patienceInMs);
  try {
    await terminate({ onResponse, tracingOptions, requestOptions, abortSignal: patience.signal }).submitted();
    return "the job was terminated";
  } catch (error) {
    if (isNotFound(error)) return "the job does not exist";
    const reason = patience.signal.aborted ? `no response within ${patienceInMs / 1000} seconds` : messageOf(error);
    return `the job may continue, because it could not be terminated: ${reason}`;
  } finally {
    clearTimeout(timer);
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
  signal?.addEventListener("abort", start);
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
