import type { Logger } from "../../logger.ts";
import type { RunBody } from "./runBody.ts";
import type { RunFiles } from "./runFiles.ts";
import type { SupervisorPeriods } from "./supervisorSteps.ts";

/** Everything that all runs of an engine share. */
export interface RunContext extends SupervisorPeriods {
  /** Aborted when the engine is closed. */
  readonly closing: AbortSignal;
  /** Work that only the closing of the engine waits for. */
  readonly background: Set<Promise<void>>;
  /** Time between two looks at a run whose end nobody reports, in milliseconds. */
  readonly lookIntervalInMs: number;
  /** Time between two looks for its exit file, in milliseconds. */
  readonly exitIntervalInMs: number;
  readonly logger: Logger;
}

/** One run, as its engine describes it. */
export interface RunParts<B extends RunBody> {
  readonly runId: string;
  readonly executionLogs: readonly string[];
  readonly files: RunFiles;
  readonly body: B;
}
