import { AbortError } from "@azure/abort-controller";
import type { AbortSignalLike } from "@azure/abort-controller";
import { abortReason } from "./abortError.ts";

/** Longest time in milliseconds of a timer. Longer timers would fire immediately. */
export const longestTimerInMs = 2 ** 31 - 1;

/**
 * Waits. Rejects with the `AbortError` of core as soon as the signal is aborted; the caller explains it with an
 * `AbortError` of this package. Leaves no listener or timer behind.
 */
export function delay(milliseconds: number, abortSignal: AbortSignalLike): Promise<void> {
  return new Promise((resolve, reject) => {
    if (abortSignal.aborted) {
      reject(new AbortError("The wait was aborted."));
      return;
    }
    if (milliseconds <= 0) {
      resolve();
      return;
    }
    const stop = (): void => {
      clearTimeout(timer);
      reject(new AbortError("The wait was aborted."));
    };
    const timer = setTimeout(
      () => {
        abortSignal.removeEventListener("abort", stop);
        resolve();
      },
      Math.min(milliseconds, longestTimerInMs),
    );
    abortSignal.addEventListener("abort", stop);
  });
}

/** Calls `run` with a signal that is aborted as soon as one of `signals` is. Leaves no listener behind. */
export async function withAnySignal<T>(
  signals: readonly (AbortSignalLike | undefined)[],
  run: (signal: AbortSignalLike) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const present = signals.filter((signal) => signal !== undefined);
  const abort = (): void => controller.abort(abortReason(...present));
  if (present.some((signal) => signal.aborted)) abort();
  for (const signal of present) signal.addEventListener("abort", abort);
  try {
    return await run(controller.signal);
  } finally {
    for (const signal of present) signal.removeEventListener("abort", abort);
  }
}

/**
 * Returns the outcome of `work`, or rejects with the `AbortError` of core as soon as the signal is aborted, also if the
 * work ignores the signal. Leaves no listener behind.
 */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignalLike): Promise<T> {
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(new AbortError("The call was aborted."));
  });
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop);
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Returns a time limit as timers take it: whole milliseconds, and 0 for no limit. */
export function timerLimit(milliseconds: number | undefined): number {
  return milliseconds === undefined || milliseconds > longestTimerInMs ? 0 : Math.ceil(milliseconds);
}
