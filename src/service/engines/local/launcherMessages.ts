import { errorCode } from "../../../ground/systemErrors.ts";
import { StartError, type StartErrorCode } from "../../startError.ts";
import type { RunFolders } from "../supervisor/runFolders.ts";
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

/** Error that kept the launcher from carrying out a request. */
export interface LauncherFailure {
  readonly message: string;
  /** Code of the system error behind it, for example `EAGAIN`. */
  readonly code: string | undefined;
  /** Code for the author of the job, if the error is for them. */
  readonly startErrorCode?: StartErrorCode;
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
  | { readonly kind: "failed"; readonly id: number; readonly failure: LauncherFailure }
  /** The supervisor of a run is gone. */
  | ({ readonly kind: "exit" } & SupervisorExit);

/** Returns an error in the form in which the launcher sends it. */
export function failureOf(error: unknown): LauncherFailure {
  if (error instanceof StartError) {
    return { message: error.message, code: errorCode(error.cause), startErrorCode: error.code };
  }
  return { message: error instanceof Error ? error.message : String(error), code: errorCode(error) };
}

/** Returns the error that was sent. */
export function errorOf({ message, code, startErrorCode }: LauncherFailure): Error {
  const error = Object.assign(new Error(message), { code });
  return startErrorCode === undefined ? error : new StartError(startErrorCode, message, { cause: error });
}
