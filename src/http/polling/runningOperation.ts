import type { OperationResponse, RunningOperation } from "@azure/core-lro";
import type { ProvisioningState } from "../../models/resource.ts";
import { resourceIdInUrl } from "../../wire/resourceIds.ts";
import { delay, withAnySignal } from "../abort.ts";
import { requestOf } from "../call.ts";
import type { Call } from "../call.ts";
import type { ServiceContext } from "../context.ts";
import { operationError, provisioningError } from "../errors.ts";
import { logger } from "../logger.ts";
import type { LongRunningOperationOptions } from "../options.ts";
import { provisioningStateOf, statusOf, statusValueOf } from "./operationStatus.ts";
import { pollPauseInMs } from "./pollInterval.ts";
import { send } from "../request.ts";
import type { ServiceResponse, ServiceRequest } from "../request.ts";
import { retryAfterInMs } from "./retryAfter.ts";
import type { Waits } from "./waits.ts";

/** Progress of a running operation, updated by every response. */
export interface Progress {
  readonly operation: string;
  /** Empty before the first request. */
  resourceId: string;
  serviceStatus?: string;
  provisioningState?: ProvisioningState;
}

/** Creates the requests of a long-running operation, with a delay between polls. Updates `progress`. */
export function runningOperation(
  context: ServiceContext,
  { call, endsWithResource, waits }: { call: Call | undefined; endsWithResource: boolean; waits: Waits },
  progress: Progress,
  options: LongRunningOperationOptions,
): RunningOperation {
  const { operation } = progress;
  // Not the time of day, which can change during the wait.
  const now = (): number => performance.now();
  let nextPollAt = 0;
  let hasSucceeded = false;

  /** Updates the progress from a response. Throws if the response means that the operation failed. */
  const update = ({ response, body }: ServiceResponse): void => {
    const status = statusOf(body);
    if (status !== undefined) progress.serviceStatus = statusValueOf(body);
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

  return {
    async sendInitialRequest() {
      if (call === undefined) throw new Error(`${operation}: a restored poller cannot start the operation`);
      const request = requestOf(context, call);
      progress.resourceId = resourceIdInUrl(request.url) ?? "";
      const received = await send(context, request, options);
      update(received);
      const { headers } = received.response;
      // Without a request of the service, the first poll follows immediately.
      nextPollAt = retryAfterInMs(headers) === undefined ? 0 : now() + pollPauseInMs(context, options, headers);
      return operationResponse(request, received);
    },
    sendPollRequest(url, pollOptions) {
      return withAnySignal([options.abortSignal, pollOptions?.abortSignal, waits.signal], async (abortSignal) => {
        await delay(nextPollAt - now(), abortSignal);
        const request: ServiceRequest = { operation, method: "GET", url, success: [200, 201, 202, 204] };
        const received = await send(context, request, { ...options, abortSignal });
        update(received);
        // The last request for the resource follows a success immediately.
        nextPollAt = hasSucceeded ? 0 : now() + pollPauseInMs(context, options, received.response.headers);
        return operationResponse(request, received);
      });
    },
  };
}

/** Converts a response for core. Omits `Retry-After`, because `sendPollRequest` already waits for it. */
function operationResponse({ method, url }: ServiceRequest, received: ServiceResponse): OperationResponse {
  const { response, body } = received;
  const { "retry-after": _, ...headers } = response.headers.toJSON();
  return {
    // Core passes this to `processResult`, and reads everything else from `rawResponse`.
    flatResponse: received,
    rawResponse: { statusCode: response.status, headers, body, request: { method, url } },
  };
}
