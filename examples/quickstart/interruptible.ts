import { setTimeout as delay } from "node:timers/promises";

/** Maximum time for cleaning up. */
const PATIENCE_IN_MS = 15_000;

/** Functions for the steps of a run. */
export interface Run {
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Prints the number and the title of the next step. Throws if the run has been interrupted. */
  step(title: string): void;
  /** Adds a task for the end of the run, in any case. The task that was added last runs first. */
  atEnd(task: () => Promise<void>): void;
  /** Adds a task that runs before all others if Ctrl-C or an error ends the run. */
  ifCutShort(task: () => Promise<void>): void;
}

/**
 * Runs the steps and cleans up after them, even if they fail or you press Ctrl-C (or send SIGTERM, or close the
 * terminal). Sets the exit code: 0, 1 after an error, 130 after Ctrl-C.
 */
export async function runInterruptible(steps: (run: Run) => Promise<void>): Promise<void> {
  const interruption = new AbortController();
  let stepNumber = 0;
  const atEnd: (() => Promise<void>)[] = [];
  const ifCutShort: (() => Promise<void>)[] = [];
  const interrupt = (): void => {
    console.error(interruption.signal.aborted ? "\nStill cleaning up ..." : "\nInterrupted: cleaning up ...");
    interruption.abort();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, interrupt);

  try {
    await steps({
      signal: interruption.signal,
      step: (title) => {
        interruption.signal.throwIfAborted();
        stepNumber += 1;
        console.log(`\n${stepNumber}. ${title}`);
      },
      atEnd: (task) => atEnd.unshift(task),
      ifCutShort: (task) => ifCutShort.unshift(task),
    });
    process.exitCode = 0;
  } catch (error) {
    process.exitCode = interruption.signal.aborted ? 130 : 1;
    if (!interruption.signal.aborted) console.error(`\n${describe(error)}`);
    await inTime(ifCutShort);
  }
  await inTime(atEnd);
  process.exit();
}

async function inTime(tasks: (() => Promise<void>)[]): Promise<void> {
  const all = async (): Promise<void> => {
    for (const task of tasks) await task().catch((error: unknown) => console.error(describe(error)));
  };
  await Promise.race([all(), delay(PATIENCE_IN_MS)]);
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  const tellsMore = typeof code === "string" && !code.startsWith("ERR_") && !error.message.includes(code);
  return tellsMore ? `${code}: ${error.message}` : error.message;
}
