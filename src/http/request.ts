import { createHttpHeaders, createPipelineRequest } from "@azure/core-rest-pipeline";
import type { HttpMethods, PipelineRequest, PipelineResponse } from "@azure/core-rest-pipeline";
import type { ServiceContext } from "./context.ts";
import { parse, sendError, statusError, unreadableError } from "./errors.ts";
import type { OperationOptions } from "./options.ts";
import { refuseOtherOrigin } from "./tokenPolicy.ts";

/** One request to the service. */
export interface ServiceRequest {
  /** The method that was called, for example `jobs.create`; errors name it. */
  readonly operation: string;
  readonly method: HttpMethods;
  /** URL, absolute or relative to the endpoint. */
  readonly url: string;
  /** What is sent as JSON; absent: no body. */
  readonly body?: unknown;
  /** Status codes that mean success. */
  readonly success: readonly number[];
}

/** An answer that means success. */
export interface ServiceAnswer {
  readonly response: PipelineResponse;
  /** The body read as JSON; `undefined` when there was none. */
  readonly body: unknown;
}

/**
 * Sends a request and reads its answer; everything that this SDK says to the service goes through here. Throws a
 * `RestError` when the service cannot be reached or answers with another status than expected, and an `AbortError` when
 * it is aborted.
 */
export async function send(
  context: ServiceContext,
  request: ServiceRequest,
  options: OperationOptions,
): Promise<ServiceAnswer> {
  const url = new URL(request.url, context.endpoint);
  refuseOtherOrigin(url, context.origin);
  const pipelineRequest = createPipelineRequest({
    url: url.href,
    method: request.method,
    headers: createHeaders(request.body, options),
    body: request.body === undefined ? undefined : JSON.stringify(request.body),
    timeout: options.requestOptions?.timeout ?? 0,
    abortSignal: options.abortSignal,
    tracingOptions: options.tracingOptions,
    // Safe, because the token policy has the last word on where plain HTTP may go.
    allowInsecureConnection: url.protocol === "http:",
  });
  const response = await sendThroughPipeline(context, request.operation, pipelineRequest, options);
  options.onResponse?.(response);
  if (!request.success.includes(response.status)) throw statusError(request.operation, response);
  const body = parse(response.bodyAsText);
  if (response.bodyAsText && body === undefined) throw unreadableError(request.operation, response);
  return { response, body };
}

function createHeaders(body: unknown, options: OperationOptions): ReturnType<typeof createHttpHeaders> {
  return createHttpHeaders({
    accept: "application/json",
    ...(body === undefined ? {} : { "content-type": "application/json" }),
    ...options.requestOptions?.customHeaders,
  });
}

async function sendThroughPipeline(
  context: ServiceContext,
  operation: string,
  request: PipelineRequest,
  options: OperationOptions,
): Promise<PipelineResponse> {
  try {
    return await context.pipeline.sendRequest(context.httpClient, request);
  } catch (error) {
    const aborted = error instanceof Error && error.name === "AbortError";
    const timedOut = aborted && request.timeout > 0 && !options.abortSignal?.aborted;
    throw sendError(operation, error, request, timedOut);
  }
}
