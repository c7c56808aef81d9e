import type { OperationResponse, RunningOperation } from "@azure/core-lro";
import type { ProvisioningState } from "../models/resource.ts";
import { delay, withAnySignal } from "./abort.ts";
import type { ServiceContext } from "./context.ts";
import { operationError, provisioningError } from "./errors.ts";
import { logger } from "./logger.ts";
import type { LongRunningOperationOptions } from "./options.ts";
import { provisioningStateOf, statusOf, statusWordOf } from "./operationStatus.ts";
import { pollIntervalInMs } from "./pollInterval.ts";
import { send } from "./request.ts";
import type { ServiceAnswer, ServiceRequest } from "./request.ts";
import { retryAfterInMs } from "./retryAfter.ts";

/** Creates the first request of an operation. */
export type StartRequest = () => ServiceRequest;

/** Progress of a running operation, updated by every response. */
export interface Progress {
  readonly operation: string;
  /** Empty before the first request. */
  resourceId: string;
  serviceStatus?: string;
  provisioningState?: ProvisioningState;
}

/** The requests of a long-running operation. */
export interface OperationRequests {
  readonly requests: RunningOperation;
  /** Sets the URL of the first request. */
  readonly beginAt: (firstUrl: string) => void;
}

/** Creates the requests of a long-running operation, with a delay between polls. Updates `progress`. */
export function runningOperation(
  context: ServiceContext,
  {
    operation,
    firstRequest,
    endsWithResource,
  }: { operation: string; firstRequest: StartRequest; endsWithResource: boolean },
  progress: Progress,
  options: LongRunningOperationOptions,
): OperationRequests {
  const intervalInMs = pollIntervalInMs(context, options);
  let nextPollAt = 0;
  let hasSucceeded = false;
  const beginAt = (firstUrl: string): void => {
    progress.resourceId = resourceIdOf(firstUrl);
  };
  /** Updates the progress from a response. Throws if the response means that the operation failed. */
  const look = ({ response, body }: ServiceAnswer): void => {
    const status = statusOf(body);
    if (status !== undefined) progress.serviceStatus = statusWordOf(body);
    logger.info(`${operation}: ${progress.serviceStatus ?? `HTTP ${response.status}`}`);
    if (status === "failed") throw operationError(operation, body, response);
    if (status === "succeeded") hasSucceeded = true;
    if (status !== undefined || !endsWithResource) return;
    const provisioningState = provisioningStateOf(body);
    if (provisioningState === undefined) return;
    progress.provisioningState = provisioningState;
    // The status of the operation decides. If the operation has no status, the state of the resource decides.
    if (!hasSucceeded && provisioningState.toLowerCase() === "failed")
      throw provisioningError(operation, body, response);
  };
  const requests: RunningOperation = {
    async sendInitialRequest() {
      const request = firstRequest();
      beginAt(request.url);
      const answer = await send(context, request, options);
      look(answer);
      nextPollAt = Date.now() + (retryAfterInMs(answer.response.headers) ?? 0);
      return operationResponse(request, answer);
    },
    sendPollRequest(url, pollOptions) {
      return withAnySignal([options.abortSignal, pollOptions?.abortSignal], async (abortSignal) => {
        await delay(nextPollAt - Date.now(), abortSignal);
        const request: ServiceRequest = { operation, method: "GET", url, success: [200, 201, 202, 204] };
        const answer = await send(context, request, { ...options, abortSignal });
        look(answer);
        // The last request for the resource follows a success immediately.
        const pauseInMs = retryAfterInMs(answer.response.headers) ?? intervalInMs;
        nextPollAt = hasSucceeded ? 0 : Date.now() + pauseInMs;
        return operationResponse(request, answer);
      });
    },
  };
  return { requests, beginAt };
}

/** ARM id of the resource whose URL this is, or to which the URL does something. */
function resourceIdOf(url: string): string {
  const { pathname } = new URL(url);
  const start = pathname.search(/\/subscriptions\//i);
  return decodeURIComponent(pathname.slice(Math.max(0, start))).replace(/\/terminate$/i, "");
}

/** Converts a response for core. Omits `Retry-After`, because `sendPollRequest` already waits for it. */
function operationResponse({ method, url }: ServiceRequest, { response, body }: ServiceAnswer): OperationResponse {
  const { "retry-after": _, ...headers } = response.headers.toJSON();
  return {
    flatResponse: body,
    rawResponse: { statusCode: response.status, headers, body, request: { method, url } },
  };
}
