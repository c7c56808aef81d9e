import type { Engine, LaunchPlan, LaunchSecrets } from "../engines/engine.ts";
import type { OutputLocation, Run } from "../state/runs.ts";

/** Everything that the start of a run needs. */
export interface Launch {
  readonly engine: Engine;
  readonly plan: LaunchPlan;
  readonly secrets: LaunchSecrets;
  /** By output directory ID. */
  readonly outputs: Readonly<Record<string, OutputLocation>>;
}

/**
 * Works out the launch of a run; undefined if there is nothing to run. May wait for volumes and images, so it runs
 * outside of transactions, and rejects soon after the signal. Nothing that it does happens after it has settled. Rejects
 * with a `StartError` if the run cannot be started.
 */
export type Prepare = (abortSignal: AbortSignal) => Promise<Launch | undefined>;

/** A run that has its nodes and is stored, and whose launch has not been worked out yet. */
export interface StartingRun {
  readonly run: Run;
  readonly prepare: Prepare;
}
