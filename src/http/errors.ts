import { isRestError, RestError } from "@azure/core-rest-pipeline";
import type { PipelineRequest, PipelineResponse } from "@azure/core-rest-pipeline";
import type { CloudErrorBody } from "../models/error.ts";
import { deserialize } from "../wire/deserialize.ts";
import { cloudErrorBody } from "../wire/tables/error.ts";
import { isJsonObject, read } from "../wire/jsonObject.ts";
import { actionInUrl, resourceIdInUrl } from "../wire/resourceIds.ts";
import { AbortError, abortReason } from "./abortError.ts";
import { retryAfterInMs } from "./polling/retryAfter.ts";
import { isMarked } from "./copies.ts";
import { restError, restErrorMark } from "./restError.ts";
import type { ErrorDetails } from "./restError.ts";

/** Creates the error of a response whose status means that the request failed. */
export function statusError(operation: string, response: PipelineResponse): RestError {
  const error = readError(parse(response.bodyAsText));
  const said = error.message ?? `the service returned HTTP ${response.status} without an error message`;
  const retryAfter = retryAfterInMs(response.headers);
  const details = { ...error, ...requestIdIn(response), ...(retryAfter && { retryAfterInMs: retryAfter }) };
  const advice = retryAfter ? `${said} Retry after ${Math.ceil(retryAfter / 1000)} s.` : said;
  return describedError(operation, advice, details, response, response.status);
}

/** Creates the error of a long-running operation whose status is `failed`, although its requests succeeded. */
export function operationError(operation: string, body: unknown, response: PipelineResponse): RestError {
  const error = readError(body);
  const said = error.message ?? "the operation failed, without an error message";
  const details = { ...error, code: error.code ?? "OperationFailed", ...requestIdIn(response) };
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
  return restError(details.message ?? "The operation failed.", { code: details.code, details });
}

/** Creates the error of a response that cannot be read, although its status means success. Does not contain the body. */
export function unreadableError(
  operation: string,
  response: PipelineResponse,
  problem = "the response is not valid JSON",
): RestError {
  const message = `${operation}: ${problem} [HTTP ${response.status}${requestMark(response)}]`;
  const { request, status: statusCode } = response;
  return restError(message, { code: RestError.PARSE_ERROR, statusCode, request, response });
}

/** Adds the operation and the origin of the request to an error of sending. */
export function sendError(operation: string, error: unknown, request: PipelineRequest, timedOut: boolean): unknown {
  const { origin } = new URL(request.url);
  if (timedOut) {
    const message = `${operation}: no response from ${origin} within ${request.timeout} ms`;
    return restError(message, { code: "ETIMEDOUT", request });
  }
  if (!isRestError(error)) return error;
  const { code, statusCode, response } = error;
  // Policies of this package explain their errors themselves.
  if (isMarked(error, restErrorMark)) return restError(`${operation}: ${error.message}`, { code, request });
  // An error that combines several attempts to connect has a code, but no message.
  const reason = error.message || (code ?? "unknown reason");
  const question = code === "ECONNREFUSED" ? ". Is the service running?" : "";
  return restError(`${operation}: the request to ${origin} failed: ${reason}${question}`, {
    code,
    statusCode,
    request,
    response,
  });
}

/** Creates the error of a request that was aborted before its response was complete. */
export function abortedRequestError(
  operation: string,
  { url, method, abortSignal }: Pick<PipelineRequest, "url" | "method" | "abortSignal">,
): AbortError {
  const resource = resourceIdInUrl(url);
  const changesResource = method !== "GET" && !/^list/i.test(actionInUrl(url) ?? "");
  const left = changesResource ? " The service may have received it, so check the resource." : "";
  const cause = abortReason(abortSignal);
  return new AbortError(`${operation}: the request was aborted.${left}`, { operation, resource, cause });
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
  return restError(message, { code: details.code, statusCode, request: response.request, response, details });
}

function readError(body: unknown): CloudErrorBody {
  const error = isJsonObject(body) && isJsonObject(body.error) ? body.error : {};
  const { code, message, ...others } = deserialize(cloudErrorBody, error);
  return { ...(typeof code === "string" && { code }), ...(typeof message === "string" && { message }), ...others };
}

const byteOrderMark = 0xfeff;

/** Parses a text as JSON; returns `undefined` if it is not valid JSON. Ignores a byte order mark at its start. */
export function parse(text: string | null | undefined): unknown {
  try {
    return text ? (JSON.parse(text.charCodeAt(0) === byteOrderMark ? text.slice(1) : text) as unknown) : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the request ID of a response, if it has one. */
function requestIdIn({ headers }: PipelineResponse): Pick<ErrorDetails, "requestId"> {
  const requestId = headers.get("x-ms-request-id") ?? headers.get("request-id");
  return requestId ? { requestId } : {};
}

function requestMark(response: PipelineResponse): string {
  const { requestId } = requestIdIn(response);
  return requestId ? `, request ${requestId}` : "";
}
