import type { LaunchPlan, LaunchSecrets, RunEnd, RunState } from "../engine.ts";
import type { Claim } from "./runFiles.ts";

/** What is left of a run, as far as its body can tell. */
export type Life =
  /** A supervisor or another process of the run. */
  | Extract<RunState, { kind: "running" }>
  /** It is in a queue, so a supervisor may start at any time. */
  | Extract<RunState, { kind: "waiting" }>
  /** Nobody can tell at the moment. It counts as alive: "not seen" never means "ended". */
  | { readonly kind: "unknown" }
  /** Nothing. */
  | {
      readonly kind: "gone";
      /** Exit code of the supervisor; null if a signal ended it. Absent if it is not known. */
      readonly exitCode?: number | null | undefined;
      /** End of a run that has no exit file, if the body knows more than that its processes vanished. */
      readonly end?: RunEnd | undefined;
    }
  /** It belongs to another folder, from which this one was copied, and must be left alone. */
  | { readonly kind: "elsewhere" };

/**
 * What carries out a run: processes of this machine, or a container. It starts and ends; the {@link SupervisedRun} that
 * it belongs to decides when, and what the files say.
 */
export interface RunBody<P extends LaunchPlan = LaunchPlan> {
  /** Whether it may be in a queue, where an earlier process of the service has put it. Default: false. */
  readonly queues?: boolean;
  /** Fills in what is known of the plan before the start. */
  fill(plan: LaunchPlan): Promise<P>;
  /**
   * Starts the supervisor. Rejects with a `StartError` or a system error. A supervisor may still start after a rejection:
   * whoever has the claim decides.
   */
  start(plan: P, secrets: LaunchSecrets): Promise<void>;
  /** Looks for what is left of the run. */
  look(claim: Claim): Life | Promise<Life>;
  /** Returns an end with what only the body knows about it, for example that memory ran out. */
  explain?(end: RunEnd): Promise<RunEnd>;
  /**
   * Ends what is left of the run, once its end is on file. Resolves when nothing is left. Called again after it has
   * rejected.
   * @param claim - Claim from before the end was put on file; undefined if it could not be read.
   */
  end(claim: Claim | undefined, end: RunEnd): Promise<void>;
  /** Removes what the body has outside of the folder of the run. */
  cleanUp?(): Promise<void>;
}
