import type { ValidationIssue } from "../wire/validate.ts";
import type { LongRunningOperationOptions, OperationOptions } from "./options.ts";
import { ValidationError } from "./validationError.ts";

/** Throws a `ValidationError` if an option of a method is not valid, for example a pause that is not a number. */
export function checkOptions(operation: string, options: OperationOptions | LongRunningOperationOptions): void {
  const { abortSignal, requestOptions } = options;
  const { updateIntervalInMs } = options as LongRunningOperationOptions;
  // Most calls have none of these options.
  if (abortSignal === undefined && requestOptions === undefined && updateIntervalInMs === undefined) return;
  const { timeout, maxRetries, maxRetryAfterInMs } = requestOptions ?? {};
  const issues = [
    ...signalIssues(abortSignal),
    ...numberIssues("updateIntervalInMs", updateIntervalInMs),
    ...numberIssues("requestOptions.timeout", timeout),
    ...numberIssues("requestOptions.maxRetries", maxRetries),
    ...numberIssues("requestOptions.maxRetryAfterInMs", maxRetryAfterInMs),
  ];
  if (issues.length > 0) throw new ValidationError(operation, issues);
}

function signalIssues(signal: unknown): ValidationIssue[] {
  if (signal === undefined || (signal !== null && typeof signal === "object" && "aborted" in signal)) return [];
  return [
    { path: "options.abortSignal", message: "must be an AbortSignal, such as the `signal` of an AbortController" },
  ];
}

function numberIssues(option: string, value: unknown): ValidationIssue[] {
  if (value === undefined || (typeof value === "number" && value >= 0)) return [];
  return [{ path: `options.${option}`, message: `must be a number of at least 0, got ${JSON.stringify(value)}` }];
}
