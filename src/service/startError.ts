import type { BatchAIError } from "../models/error.ts";

/** What can keep a job or a set-up task from being turned into a launch plan. */
export type LaunchErrorCode =
  | "InvalidPath"
  | "InvalidMountPath"
  | "InvalidEnvironmentVariable"
  | "InvalidOutputDirectory"
  | "UnknownVariable"
  | "UnsupportedToolkit";

/** A job or set-up task that cannot be launched as it was written. The message is for its author. */
export class LaunchError extends Error {
  readonly code: LaunchErrorCode;
  /** The property at fault, by its path in the request body, for example `properties.stdOutErrPathPrefix`. */
  readonly target: string;

  constructor(code: LaunchErrorCode, target: string, message: string) {
    super(`${target}: ${message}`);
    this.name = "LaunchError";
    this.code = code;
    this.target = target;
  }

  /** The error as clusters and jobs report it. */
  get error(): BatchAIError {
    return { code: this.code, message: this.message };
  }
}
