import type { LaunchPlan, LaunchSecrets } from "../engines/engine.ts";
import type { Run } from "../state/runs.ts";

/** A run that is stored and ready to be handed to the engine. */
export interface PreparedRun {
  readonly run: Run;
  readonly plan: LaunchPlan;
  readonly secrets: LaunchSecrets;
}
