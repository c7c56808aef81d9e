import { isRestError, RestError } from "@azure/core-rest-pipeline";
import type { PipelineRequest, PipelineResponse } from "@azure/core-rest-pipeline";
import type { CloudErrorBody } from "../models/error.ts";
import { deserialize } from "../wire/deserialize.ts";
import { cloudErrorBody } from "../wire/tables/error.ts";
import { isJsonObject, read } from "../wire/jsonObject.ts";

/** An error of the service; the `details` of a `RestError`. */
export interface ErrorDetails extends CloudErrorBody {
  /** ID of the request in the logs of the service. Absent if the response had none. */
  readonly requestId?: string;
}

/** Creates the error of a response whose status means that the request failed. */
export function statusError(operation: string, response: PipelineResponse): RestError {
  const error = readError(parse(response.bodyAsText));
  const said = error.message ?? `the service returned HTTP ${response.status} without an error message`;
  return describedError(operation, said, { ...error, requestId: requestIdOf(response) }, response, response.status);
}

/** Creates the error of a long-running operation whose status is `failed`, although its requests succeeded. */
export function operationError(operation: string, body: unknown, response: PipelineResponse): RestError {
  const error = readError(body);
  const said = error.message ?? "the operation failed, without an error message";
  const details = { ...error, code: error.code ?? "OperationFailed", requestId: requestIdOf(response) };
  return describedError(operation, said, details, response);
}

/** Creates the error of a creation that has no status, but whose resource has the state `failed`. */
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
          said.message ??
          "the resource could not be created: its provisioningState is failed, without an error message",
      },
    },
    response,
  );
}

/** Creates an error from saved details, for example from the saved state of a poller. */
export function rememberedError(details: ErrorDetails): RestError {
  const error = new RestError(details.message ?? "The operation failed.", { code: details.code });
  error.details = details;
  return error;
}

/** Creates the error of a response that cannot be read, although its status means success. Does not contain the body. */
export function unreadableError(
  operation: string,
  response: PipelineResponse,
  problem = "the response is not valid JSON",
): RestError {
  const message = `${operation}: ${problem} [HTTP ${response.status}${requestMark(response)}]`;
  const { request, status: statusCode } = response;
  return new RestError(message, { code: RestError.PARSE_ERROR, statusCode, request, response });
}

/** Adds the operation and the origin of the request to an error of sending. */
export function sendError(operation: string, error: unknown, request: PipelineRequest, timedOut: boolean): unknown {
  const { origin } = new URL(request.url);
  if (timedOut) {
    const message = `${operation}: no response from ${origin} within ${request.timeout} ms`;
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

/** Creates an error whose message ends with the code, the HTTP status and the request ID. */
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

/** Parses a text as JSON; returns `undefined` if it is not valid JSON. Ignores a byte order mark at its start. */
export function parse(text: string | null | undefined): unknown {
  try {
    return text ? (JSON.parse(text.startsWith("\uFEFF") ? text.slice(1) : text) as unknown) : undefined;
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
