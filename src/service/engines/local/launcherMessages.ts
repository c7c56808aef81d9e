/** Request of the engine to its launcher. */
export type LauncherRequest =
  | {
      /** Starts the supervisor of a run. */
      readonly kind: "spawn";
      readonly runId: string;
      /** Absolute path of bash. */
      readonly bash: string;
      readonly runDirectory: string;
      readonly environment: Readonly<Record<string, string>>;
    }
  | {
      /** Ends every process of a run. */
      readonly kind: "end";
      readonly runId: string;
      readonly gracePeriodInMs: number;
    };

/** A request with the number that its response carries. */
export interface NumberedRequest {
  readonly id: number;
  readonly request: LauncherRequest;
}

/** Message of the launcher to the engine. */
export type LauncherMessage =
  | { readonly kind: "done"; readonly id: number }
  | { readonly kind: "failed"; readonly id: number; readonly message: string }
  /** The supervisor of a run is gone. */
  | { readonly kind: "exit"; readonly runId: string };
