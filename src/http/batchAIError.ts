import type { RestError } from "@azure/core-rest-pipeline";
import type { BatchAIErrorCode, KnownErrorCode } from "../models/error.ts";
import { isMarked } from "./copies.ts";
import { restErrorMark } from "./restError.ts";
import type { ErrorDetails } from "./restError.ts";

/** A `RestError` of this package, with typed details. See {@link isBatchAIError}. */
export interface BatchAIRestError<Code extends string | undefined = string | undefined> extends RestError {
  /** Code of the service, of the SDK, or of the platform, such as `ECONNREFUSED`. Absent if the response had none. */
  code: Code;
  /** Error of the service. Absent if the service did not return one, for example if the network failed. */
  details?: ErrorDetails;
}

/**
 * Whether an error is a `RestError` of this package, with any code or none. Returns false for all other classes, such as
 * `JobFailedError` and `AbortError`. Also recognizes errors of another copy of this package. Never throws.
 *
 * @param error - Any caught value.
 */
export function isBatchAIError(error: unknown): error is BatchAIRestError;
/**
 * Whether an error is a `RestError` of this package, with one of these codes. Never throws.
 *
 * @param error - Any caught value.
 * @param codes - Codes, for example `"JobNotFound"`, at least one.
 */
export function isBatchAIError<Code extends KnownErrorCode>(
  error: unknown,
  ...codes: readonly [Code, ...Code[]]
): error is BatchAIRestError<Code>;
/**
 * Whether an error is a `RestError` of this package, with one of these codes, which can be new. Never throws.
 *
 * @param error - Any caught value.
 * @param codes - Codes, for example `"JobNotFound"`, at least one.
 */
export function isBatchAIError<Code extends BatchAIErrorCode>(
  error: unknown,
  ...codes: readonly [Code, ...Code[]]
): error is BatchAIRestError<Code>;
/** Whether an error is a `RestError` of this package, with one of these codes. */
export function isBatchAIError(error: unknown, ...codes: readonly string[]): boolean {
  if (!isMarked(error, restErrorMark)) return false;
  const { code } = error as { code?: unknown };
  return codes.length === 0 || codes.some((each) => each === code);
}
