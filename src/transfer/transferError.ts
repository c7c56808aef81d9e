import { errorCode } from "../ground/systemErrors.ts";
import { isInstance, mark } from "../http/copies.ts";
import { errorJson } from "../http/errorJson.ts";

/**
 * Reports that a file or folder could not be transferred. Its `name` is `TransferError`. The message contains the path
 * and the reason.
 */
export class TransferError extends Error {
  /** Path relative to the transferred folder, with `/`. */
  readonly path: string;
  /** Code of the reason, for example `ENOSPC` or `AuthenticationFailed`. Absent if the reason has no code. */
  readonly code: string | undefined;

  /**
   * @param operation - Function that was called, for example `uploadDirectory`.
   * @param path - Path relative to the transferred folder.
   * @param reason - Reason: an error or a sentence.
   */
  constructor(operation: string, path: string, reason: unknown) {
    const code = errorCode(reason);
    const said = reason instanceof Error ? firstLineOf(reason.message) : String(reason);
    super(`${operation}: ${path}: ${said}${code === undefined || said.includes(code) ? "" : ` [${code}]`}`);
    this.name = "TransferError";
    this.path = path;
    this.code = code;
    mark(this, "TransferError");
  }

  /** Whether a value is a `TransferError`, also one of another copy of this package. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return isInstance(this, "TransferError", value);
  }

  /** Returns the error for `JSON.stringify`, with its name and message. */
  toJSON(): Record<string, unknown> {
    return errorJson(this);
  }
}

/**
 * The first line of a message of the storage is enough: the other lines contain the request ID, the time and headers.
 */
function firstLineOf(message: string): string {
  return message.split("\n", 1)[0]?.trim() ?? "";
}
