import { setTimeout as delay } from "node:timers/promises";

/** How long tidying up may take before the quickstart ends without it. */
const PATIENCE_IN_MS = 15_000;

/** What the steps of a run get to know of its end. */
export interface Run {
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Announces the next step with its number; throws instead when the run has been interrupted meanwhile. */
  step(title: string): void;
  /** Has something done at the end of the run, however it comes about: last in, first out. */
  atEnd(task: () => Promise<void>): void;
  /** Has something done first of all when the run is cut short by Ctrl-C or an error. */
  ifCutShort(task: () => Promise<void>): void;
}

/**
 * Runs the steps and tidies up after them, also when they fail, or when somebody presses Ctrl-C (or sends SIGTERM, or
 * closes the terminal). Sets the exit code: 0, 1 after an error, 130 after Ctrl-C.
 */
export async function runInterruptible(steps: (run: Run) => Promise<void>): Promise<void> {
  const interruption = new AbortController();
  let stepNumber = 0;
  const atEnd: (() => Promise<void>)[] = [];
  const ifCutShort: (() => Promise<void>)[] = [];
  const interrupt = (): void => {
    console.error(interruption.signal.aborted ? "\nStill tidying up ..." : "\nInterrupted: tidying up ...");
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
