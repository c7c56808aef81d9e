import type { ValidationIssue } from "../wire/validate.ts";

/**
 * An argument that the service could only refuse, found before anything was sent. Its `name` is `ValidationError`; the
 * message names every property that is wrong, and never holds a secret.
 */
export class ValidationError extends TypeError {
  /** What is wrong, property by property. */
  readonly issues: readonly ValidationIssue[];

  /**
   * @param operation - The method that was called, for example `jobs.create`.
   * @param issues - What is wrong; at least one.
   */
  constructor(operation: string, issues: readonly ValidationIssue[]) {
    super(`${operation}: ${issues.map(({ path, message }) => `${path}: ${message}`).join("; ")}`);
    this.name = "ValidationError";
    this.issues = issues;
  }
}
