import type { RestError } from "@azure/core-rest-pipeline";
import type { BatchAIErrorCode } from "../models/error.ts";
import { isMarked } from "./copies.ts";
import { restErrorMark } from "./restError.ts";
import type { ErrorDetails } from "./restError.ts";

/** A `RestError` of this package, with a known code and typed details. See {@link isBatchAIError}. */
export interface BatchAIRestError<Code extends string = string> extends RestError {
  /** Code of the service, of the SDK, or of the platform, such as `ECONNREFUSED`. */
  code: Code;
  /** Error of the service. Absent if the service did not return one, for example if the network failed. */
  details?: ErrorDetails;
}

/**
 * Whether an error is a `RestError` of this package, with one of these codes. Also recognizes errors of another copy of
 * this package. Never throws.
 *
 * @param error - Any caught value.
 * @param codes - Codes, for example `"JobNotFound"`. Default: every code.
 */
export function isBatchAIError<Code extends BatchAIErrorCode = string>(
  error: unknown,
  ...codes: readonly Code[]
): error is BatchAIRestError<Code> {
  if (!isMarked(error, restErrorMark)) return false;
  const { code } = error as { code?: unknown };
  return codes.length === 0 || codes.some((each) => each === code);
}
