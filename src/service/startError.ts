import { shortageOf } from "../ground/shortage.ts";
import { reasonOf } from "../ground/systemErrors.ts";
import type { NameValuePair } from "../models/error.ts";

/** Codes of the errors that keep a run from starting. */
export type StartErrorCode =
  // The job or setup task cannot be launched as it was written.
  | "InvalidPath"
  | "InvalidMountPath"
  | "InvalidEnvironmentVariable"
  | "InvalidOutputDirectory"
  | "UnknownVariable"
  | "InvalidCommandLine"
  | "UnsupportedToolkit"
  // A volume cannot be mounted.
  | "AZFMountError"
  | "BFSMountError"
  | "NFSMountError"
  | "UnmanagedMountError"
  | "MountFailed"
  // The engine cannot start it.
  | "FailedStartingContainer"
  | "FailedStartingProcess"
  // The machine lacks something for the moment: the run is tried again.
  | "Shortage";

/** Reports why a run could not be started. The message is for the author of the job or setup task. */
export class StartError extends Error {
  override readonly name = "StartError";
  readonly code: StartErrorCode;
  /** The message without the property at fault. */
  readonly reason: string;
  /** The property at fault, by its path in the request body, for example `properties.stdOutErrPathPrefix`. */
  readonly target: string | undefined;
  readonly details: readonly NameValuePair[] | undefined;

  constructor(
    code: StartErrorCode,
    reason: string,
    options: {
      readonly target?: string;
      readonly details?: readonly NameValuePair[] | undefined;
      readonly cause?: unknown;
    } = {},
  ) {
    const { target, details, cause } = options;
    super(target === undefined ? reason : `${target}: ${reason}`, { cause });
    this.code = code;
    this.reason = reason;
    this.target = target;
    this.details = details;
  }

  /** The error as clusters and jobs report it. */
  get error(): { readonly code: StartErrorCode; readonly message: string; readonly details?: NameValuePair[] } {
    const { code, message, details } = this;
    return details === undefined ? { code, message } : { code, message, details: [...details] };
  }
}

/** Returns the details of an error that keeps a container from starting. */
export function imageDetails({ image }: { readonly image: string }): readonly NameValuePair[] {
  return [{ name: "imageName", value: image }];
}

/** Carries out a step of starting a run. Rejects with a {@link StartError} that says what was tried and why it failed. */
export async function attempt<T>(what: string, step: () => Promise<T>, code?: StartErrorCode): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw startErrorOf(what, error, code);
  }
}

/**
 * Like {@link attempt}, for a step that does not wait.
 * @throws StartError that says what was tried and why it failed.
 */
export function attemptNow<T>(what: string, step: () => T, code?: StartErrorCode): T {
  try {
    return step();
  } catch (error) {
    throw startErrorOf(what, error, code);
  }
}

function startErrorOf(what: string, error: unknown, code: StartErrorCode = "FailedStartingProcess"): StartError {
  if (error instanceof StartError) return error;
  return new StartError(code, `${what}: ${reasonOf(error)}.`, { cause: error });
}

/** Whether an error means that the machine lacks something for the moment, and a later try may succeed. */
export function isShortage(error: unknown): boolean {
  return (error instanceof StartError && error.code === "Shortage") || shortageOf(error) !== undefined;
}
