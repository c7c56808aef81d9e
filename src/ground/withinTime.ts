import { setTimeout as delay } from "node:timers/promises";

/**
 * Waits for work, but not longer than a time. Resolves with undefined when the time is up: the work goes on, and nobody
 * waits for it. For files on a volume whose server may not respond.
 */
export async function withinTime<T>(work: Promise<T>, timeoutInMs: number): Promise<T | undefined> {
  const timeout = new AbortController();
  work.catch(() => undefined); // Its error may come when the time is up.
  try {
    return await Promise.race([work, delay(timeoutInMs, undefined, { signal: timeout.signal })]);
  } finally {
    timeout.abort();
  }
}
