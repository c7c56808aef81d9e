import type { RunFolders } from "../supervisor/runFolders.ts";
import type { SentFailure } from "../supervisor/sentFailures.ts";
import type { LimitedStart } from "./limits/groupWay.ts";

/** Request of the engine to its launcher. */
export type LauncherRequest =
  | {
      /** Starts the supervisor of a run. */
      readonly kind: "spawn";
      readonly runId: string;
      /** Absolute path of bash. */
      readonly bash: string;
      /** Folder with the files of the run. */
      readonly folder: string;
      /** Created before the start. */
      readonly folders: RunFolders;
      readonly environment: Readonly<Record<string, string>>;
      /** Starts to try, for a run with limits. */
      readonly limits?: readonly LimitedStart[] | undefined;
    }
  | {
      /** Ends every process of a run. */
      readonly kind: "end";
      readonly runId: string;
      readonly gracePeriodInMs: number;
    }
  /** Asks whether the launcher still responds. */
  | { readonly kind: "ping" };

/** A request with the number that its response carries. */
export interface NumberedRequest {
  readonly id: number;
  readonly request: LauncherRequest;
}

/** End of a supervisor. */
export interface SupervisorExit {
  readonly runId: string;
  /** Exit code; null if a signal ended it. */
  readonly exitCode: number | null;
  /** Whether no process of the run is left. */
  readonly isOver: boolean;
}

/** Message of the launcher to the engine. */
export type LauncherMessage =
  | { readonly kind: "done"; readonly id: number }
  | { readonly kind: "failed"; readonly id: number; readonly failure: SentFailure }
  /** The supervisor of a run is gone. */
  | ({ readonly kind: "exit" } & SupervisorExit);
