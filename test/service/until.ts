import { setTimeout as delay } from "node:timers/promises";

/** Waits until a condition holds, looking again and again; fails when it takes longer than the deadline. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadlineInMs = 60_000,
): Promise<void> {
  const deadline = Date.now() + deadlineInMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited ${String(deadlineInMs)} ms in vain until ${what}`);
    await delay(20);
  }
}
