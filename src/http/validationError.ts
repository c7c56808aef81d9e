import { isInstance, mark } from "./copies.ts";
import { errorJson } from "./errorJson.ts";
import type { ValidationIssue } from "../wire/validate.ts";

/**
 * Reports invalid arguments, before any request is sent. Its `name` is `ValidationError`. The message names every
 * invalid property and never contains a secret.
 */
export class ValidationError extends TypeError {
  /** Issues, one for each invalid property. */
  readonly issues: readonly ValidationIssue[];

  /**
   * @param operation - Method that was called, for example `jobs.create`.
   * @param issues - Issues, at least one.
   */
  constructor(operation: string, issues: readonly ValidationIssue[]) {
    super(`${operation}: ${issues.map(({ path, message }) => `${path}: ${message}`).join("; ")}`);
    this.name = "ValidationError";
    this.issues = issues;
    mark(this, "ValidationError");
  }

  /** Whether a value is a `ValidationError`, also one of another copy of this package. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return isInstance(this, "ValidationError", value);
  }

  /** Returns the error for `JSON.stringify`, with its name and message. */
  toJSON(): Record<string, unknown> {
    return errorJson(this);
  }
}
