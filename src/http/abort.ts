import { AbortError } from "@azure/abort-controller";
import type { AbortSignalLike } from "@azure/abort-controller";

const longestTimerInMs = 2 ** 31 - 1;

/** Waits. Rejects with an `AbortError` as soon as the signal is aborted. Leaves no listener or timer behind. */
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
  const abort = (): void => controller.abort();
  const present = signals.filter((signal) => signal !== undefined);
  if (present.some((signal) => signal.aborted)) abort();
  for (const signal of present) signal.addEventListener("abort", abort);
  try {
    return await run(controller.signal);
  } finally {
    for (const signal of present) signal.removeEventListener("abort", abort);
  }
}
