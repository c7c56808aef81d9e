import { createHttpHeaders, createPipelineRequest } from "@azure/core-rest-pipeline";
import type { HttpMethods, PipelineResponse } from "@azure/core-rest-pipeline";
import { checkOptions } from "./checkOptions.ts";
import type { ServiceContext } from "./context.ts";
import { isAbortError } from "./abortError.ts";
import { orAborted, timerLimit } from "./abort.ts";
import { abortedRequestError, parse, sendError, statusError, unreadableError } from "./errors.ts";
import type { OperationOptions } from "./options.ts";
import { limitRetries } from "./policies/retryingPolicy.ts";
import { isPlainlyWithin, rejectOtherOrigin } from "./policies/tokenPolicy.ts";
import { retryLimitsOf } from "./retryLimits.ts";

/** One request to the service. */
export interface ServiceRequest {
  /** Method that was called, for example `jobs.create`; errors name it. */
  readonly operation: string;
  readonly method: HttpMethods;
  /** URL, absolute or relative to the endpoint. */
  readonly url: string;
  /** JSON body. Absent: no body. */
  readonly body?: unknown;
  /** Status codes that mean success. */
  readonly success: readonly number[];
}

/** A successful response. */
export interface ServiceResponse {
  readonly response: PipelineResponse;
  /** The JSON body; `undefined` if the response has none. */
  readonly body: unknown;
}

/**
 * Sends a request and reads its response. All requests of the SDK to the service use this function. Throws a
 * `RestError` if the service cannot be reached or returns an unexpected status, and an `AbortError` if the request is
 * aborted.
 */
export async function send(
  context: ServiceContext,
  request: ServiceRequest,
  options: OperationOptions,
): Promise<ServiceResponse> {
  checkOptions(request.operation, options);
  const url = absoluteUrl(context, request);
  const pipelineRequest = createPipelineRequest({
    url,
    method: request.method,
    headers: createHeaders(request.body, options),
    body: request.body === undefined ? undefined : JSON.stringify(request.body),
    timeout: timerLimit(options.requestOptions?.timeout),
    abortSignal: options.abortSignal,
    // Safe, because the token policy decides where plain HTTP is allowed.
    allowInsecureConnection: context.origin.startsWith("http:"),
  });
  // `createPipelineRequest` ignores this option.
  pipelineRequest.tracingOptions = options.tracingOptions;
  const limits = retryLimitsOf(context.retryLimits, options);
  if (limits !== context.retryLimits) limitRetries(pipelineRequest, limits);
  let response: PipelineResponse;
  try {
    const received = context.pipeline.sendRequest(context.connections.httpClient, pipelineRequest);
    // Core does not end a call whose credential or custom policy ignores the signal.
    response = options.abortSignal ? await orAborted(received, options.abortSignal) : await received;
  } catch (error) {
    const isAborted = isAbortError(error);
    if (isAborted && options.abortSignal?.aborted) throw abortedRequestError(request.operation, pipelineRequest);
    throw sendError(request.operation, error, pipelineRequest, isAborted && pipelineRequest.timeout > 0);
  }
  options.onResponse?.(response);
  if (!request.success.includes(response.status)) throw statusError(request.operation, response);
  const body = parse(response.bodyAsText);
  if (response.bodyAsText && body === undefined) throw unreadableError(request.operation, response);
  return { response, body };
}

function absoluteUrl({ endpoint, origin }: ServiceContext, request: ServiceRequest): string {
  if (isPlainlyWithin(origin, request.url)) return request.url;
  const url = new URL(request.url, endpoint);
  rejectOtherOrigin(url, origin);
  return url.href;
}

function createHeaders(body: unknown, options: OperationOptions): ReturnType<typeof createHttpHeaders> {
  return createHttpHeaders({
    accept: "application/json",
    ...(body === undefined ? {} : { "content-type": "application/json" }),
    ...options.requestOptions?.customHeaders,
  });
}
