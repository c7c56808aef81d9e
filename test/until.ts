import { setTimeout as delay } from "node:timers/promises";

/** Polls a condition until it holds. Rejects if that takes longer than the deadline. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadlineInMs = 60_000,
): Promise<void> {
  const deadline = performance.now() + deadlineInMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${String(deadlineInMs)} ms in vain until ${what}`);
    await delay(20);
  }
}
