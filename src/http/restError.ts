import { RestError } from "@azure/core-rest-pipeline";
import type { PipelineRequest, PipelineResponse } from "@azure/core-rest-pipeline";
import type { BatchAIErrorCode, CloudErrorBody } from "../models/error.ts";
import { mark } from "./copies.ts";
import { errorJson } from "./errorJson.ts";

/** An error of the service; the `details` of a `RestError`. */
export interface ErrorDetails extends CloudErrorBody {
  /** ID of the request in the logs of the service. Absent if the response had none. */
  readonly requestId?: string;
  /** Pause in milliseconds that the service requests before the next attempt. Absent if it requests none. */
  readonly retryAfterInMs?: number;
}

/** Mark of every `RestError` of this package; see `isBatchAIError`. */
export const restErrorMark = "RestError";

/** Properties of a `RestError`. */
export interface RestErrorFacts {
  readonly code?: BatchAIErrorCode;
  readonly statusCode?: number;
  readonly request?: PipelineRequest;
  readonly response?: PipelineResponse;
  readonly details?: ErrorDetails;
}

/**
 * Creates a `RestError` that prints as its message, stack, code and details. The constructor of core's class would add
 * a printed form with the whole request and response, which cannot be removed.
 */
export function restError(message: string, facts: RestErrorFacts = {}): RestError {
  const { code, statusCode, request, response, details } = facts;
  const error = new Error(message);
  Object.setPrototypeOf(error, RestError.prototype);
  mark(error, restErrorMark);
  hide(error, "name", "RestError");
  // The stack of an error begins with its name, so it is captured after the name is set.
  if ("captureStackTrace" in Error) Error.captureStackTrace(error, restError);
  hide(error, "request", request);
  hide(error, "response", response);
  hide(error, "toJSON", () => errorJson(error));
  const shown = Object.entries({ code, statusCode, details }).filter(([, value]) => value !== undefined);
  return Object.assign(error as RestError, Object.fromEntries(shown));
}

function hide(error: Error, name: string, value: unknown): void {
  Object.defineProperty(error, name, { value, enumerable: false, configurable: true, writable: true });
}
