import { isRestError, RestError } from "@azure/core-rest-pipeline";
import type { PipelineRequest, PipelineResponse } from "@azure/core-rest-pipeline";
import type { CloudErrorBody } from "../models/error.ts";
import { deserialize } from "../wire/deserialize.ts";
import { cloudErrorBody } from "../wire/error.ts";
import { isJsonObject, read } from "../wire/jsonObject.ts";

/** What the service said about an error; the `details` of a `RestError`. */
export interface ErrorDetails extends CloudErrorBody {
  /** Id by which the service's owners find the request. Absent when the answer had none. */
  readonly requestId?: string;
}

/** Makes the error of an answer whose status says that the request failed. */
export function statusError(operation: string, response: PipelineResponse): RestError {
  const error = readError(parse(response.bodyAsText));
  const said = error.message ?? `the service answered ${response.status} and did not say why`;
  return describedError(operation, said, { ...error, requestId: requestIdOf(response) }, response, response.status);
}

/** Makes the error of a long-running operation whose status says that it failed; the requests themselves succeeded. */
export function operationError(operation: string, body: unknown, response: PipelineResponse): RestError {
  const error = readError(body);
  const said = error.message ?? "the operation failed and the service did not say why";
  const details = { ...error, code: error.code ?? "OperationFailed", requestId: requestIdOf(response) };
  return describedError(operation, said, details, response);
}

/** Makes the error of a creation that has no status of its own, and whose resource says that it failed. */
export function provisioningError(operation: string, body: unknown, response: PipelineResponse): RestError {
  const errors = read(body, "properties.errors");
  const [first] = Array.isArray(errors) ? (errors as unknown[]) : [];
  const said = readError({ error: first });
  return operationError(
    operation,
    {
      error: {
        code: said.code,
        message:
          said.message ?? "the resource could not be made: its provisioningState is failed, and it does not say why",
      },
    },
    response,
  );
}

/** Makes an error from what was said about it before, for example in the saved state of a poller. */
export function rememberedError(details: ErrorDetails): RestError {
  const error = new RestError(details.message ?? "The operation failed.", { code: details.code });
  error.details = details;
  return error;
}

/** Makes the error of an answer that should be JSON, or the JSON of a resource, and is not. The body is not shown. */
export function unreadableError(operation: string, response: PipelineResponse): RestError {
  const message = `${operation}: the answer could not be read as JSON [HTTP ${response.status}${requestMark(response)}]`;
  const { request, status: statusCode } = response;
  return new RestError(message, { code: RestError.PARSE_ERROR, statusCode, request, response });
}

/** Makes an error of sending say which operation it was and where the request went. */
export function sendError(operation: string, error: unknown, request: PipelineRequest, timedOut: boolean): unknown {
  const { origin } = new URL(request.url);
  if (timedOut) {
    const message = `${operation}: no answer from ${origin} within ${request.timeout} ms`;
    return withCause(new RestError(message, { code: "ETIMEDOUT", request }), error);
  }
  if (!isRestError(error) || error.code === "UnexpectedOrigin" || error.code === "InsecureConnection") return error;
  const { code, statusCode, response } = error;
  const message = `${operation}: the request to ${origin} failed: ${error.message}`;
  return withCause(new RestError(message, { code, statusCode, request, response }), error);
}

function withCause(error: RestError, cause: unknown): RestError {
  Object.defineProperty(error, "cause", { value: cause, enumerable: false, configurable: true, writable: true });
  return error;
}

/** Where a person finds out more: code, HTTP status and request id, behind what was said. */
function describedError(
  operation: string,
  said: string,
  details: ErrorDetails,
  response: PipelineResponse,
  statusCode?: number,
): RestError {
  const marks = [details.code, statusCode === undefined ? undefined : `HTTP ${statusCode}`].filter(Boolean).join(", ");
  const message = `${operation}: ${said} [${marks}${requestMark(response)}]`;
  const error = new RestError(message, { code: details.code, statusCode, request: response.request, response });
  error.details = details;
  return error;
}

function readError(body: unknown): CloudErrorBody {
  const error = isJsonObject(body) && isJsonObject(body.error) ? body.error : {};
  return deserialize(cloudErrorBody, error);
}

/** Reads a text as JSON; `undefined` when it is none. */
export function parse(text: string | null | undefined): unknown {
  try {
    return text ? (JSON.parse(text) as unknown) : undefined;
  } catch {
    return undefined;
  }
}

function requestIdOf({ headers }: PipelineResponse): string | undefined {
  return headers.get("x-ms-request-id") ?? headers.get("request-id");
}

function requestMark(response: PipelineResponse): string {
  const requestId = requestIdOf(response);
  return requestId ? `, request ${requestId}` : "";
}
