import type { ValidationIssue } from "../wire/validate.ts";
import type { BatchAIManagementClientOptions, LongRunningOperationOptions } from "./options.ts";
import { ValidationError } from "./validationError.ts";

/** Throws a `ValidationError` if an option of a method is not valid, for example a pause that is not a number. */
export function checkOptions(operation: string, options: LongRunningOperationOptions): void {
  const { abortSignal, requestOptions, updateIntervalInMs } = options;
  // Most calls have none of these options.
  if (abortSignal === undefined && requestOptions === undefined && updateIntervalInMs === undefined) return;
  const { timeout, maxRetries, maxRetryAfterInMs } = requestOptions ?? {};
  const numbers = {
    updateIntervalInMs,
    "requestOptions.timeout": timeout,
    "requestOptions.maxRetries": maxRetries,
    "requestOptions.maxRetryAfterInMs": maxRetryAfterInMs,
  };
  const issues = [...signalIssues(abortSignal), ...numberIssues(numbers)];
  if (issues.length > 0) throw new ValidationError(operation, issues);
}

/** Throws a `TypeError` if an option of a client is not valid. */
export function checkClientOptions(options: BatchAIManagementClientOptions): void {
  // A program that was migrated in part would otherwise send its token to Azure.
  if ("baseUri" in options) throw new TypeError("options.baseUri: is named `endpoint` in this package");
  const { maxRetryAfterInMs, retryOptions } = options;
  const { maxRetries, retryDelayInMs, maxRetryDelayInMs } = retryOptions ?? {};
  const issues = numberIssues({
    maxRetryAfterInMs,
    "retryOptions.maxRetries": maxRetries,
    "retryOptions.retryDelayInMs": retryDelayInMs,
    "retryOptions.maxRetryDelayInMs": maxRetryDelayInMs,
  });
  for (const { path, message } of issues) throw new TypeError(`${path}: ${message}`);
}

function signalIssues(signal: unknown): ValidationIssue[] {
  if (signal === undefined || isSignal(signal)) return [];
  const message = "must be an AbortSignal, such as the `signal` of an AbortController";
  return [{ path: "options.abortSignal", message }];
}

function isSignal(value: unknown): boolean {
  return typeof value === "object" && value !== null && "aborted" in value && "addEventListener" in value;
}

function numberIssues(numbers: Readonly<Record<string, unknown>>): ValidationIssue[] {
  return Object.entries(numbers)
    .filter(([, value]) => value !== undefined && !(typeof value === "number" && value >= 0))
    .map(([option, value]) => ({
      path: `options.${option}`,
      message: `must be a number of at least 0, got ${typeof value === "string" ? JSON.stringify(value) : String(value)}`,
    }));
}
