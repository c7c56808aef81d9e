import { createHttpPoller } from "@azure/core-lro";
import type { OperationResponse, OperationState, PollerLike, RunningOperation } from "@azure/core-lro";
import { delay, withAnySignal } from "./abort.ts";
import type { ServiceContext } from "./context.ts";
import { operationError } from "./errors.ts";
import { logger } from "./logger.ts";
import { isLoopback } from "./loopback.ts";
import type { LongRunningOperationOptions } from "./options.ts";
import { statusOf } from "./operationStatus.ts";
import { send } from "./request.ts";
import type { ServiceAnswer, ServiceRequest } from "./request.ts";
import { retryAfterInMs } from "./retryAfter.ts";

/** A long-running operation: await it for its result, or watch it on its way. */
export type OperationPoller<T> = PollerLike<OperationState<T>, T>;

/** What a poller needs to know of its operation. */
export interface LongRunningOperation<T> {
  /** The method that was called, for example `jobs.create`; errors name it. */
  readonly operation: string;
  /** Makes the first request; called once, and not at all for a restored poller. */
  readonly firstRequest: () => ServiceRequest;
  /** Makes the result from the last answer. */
  readonly readResult: (answer: unknown) => T;
  /** Whether the result is the resource itself, which is read once more at the end. */
  readonly endsWithResource: boolean;
  /** State of a poller that goes on here, as `serialize` made it. */
  readonly restoreFrom?: string;
}

/**
 * Starts a long-running operation, or goes on with one. The first request is sent at once, whether anybody waits or not;
 * when it fails and nobody waits, that is only logged.
 */
export function pollOperation<T>(
  context: ServiceContext,
  operation: LongRunningOperation<T>,
  options: LongRunningOperationOptions,
): OperationPoller<T> {
  const poller = createHttpPoller<T, OperationState<T>>(runningOperation(context, operation, options), {
    // The waiting is done where polls are sent, since core knows whole seconds of `Retry-After` only.
    intervalInMs: 0,
    restoreFrom: operation.restoreFrom,
    skipFinalGet: !operation.endsWithResource,
    processResult: (answer) => Promise.resolve(operation.readResult(answer)),
  });
  poller.submitted().catch((error: unknown) => {
    logger.warning(
      `${operation.operation} could not be started: ${error instanceof Error ? error.message : "unknown"}`,
    );
  });
  return poller;
}

function runningOperation<T>(
  context: ServiceContext,
  { operation, firstRequest }: LongRunningOperation<T>,
  options: LongRunningOperationOptions,
): RunningOperation {
  const intervalInMs = options.updateIntervalInMs ?? (isLoopback(new URL(context.endpoint)) ? 100 : 2000);
  let nextPollAt = 0;
  return {
    async sendInitialRequest() {
      const request = firstRequest();
      const answer = await send(context, request, options);
      nextPollAt = Date.now() + (retryAfterInMs(answer.response.headers) ?? 0);
      return operationResponse(request, answer);
    },
    sendPollRequest(url, pollOptions) {
      return withAnySignal([options.abortSignal, pollOptions?.abortSignal], async (abortSignal) => {
        await delay(nextPollAt - Date.now(), abortSignal);
        const request: ServiceRequest = { operation, method: "GET", url, success: [200, 201, 202, 204] };
        const answer = await send(context, request, { ...options, abortSignal });
        const status = statusOf(answer.body);
        logger.info(`${operation}: ${status ?? `HTTP ${answer.response.status}`}`);
        if (status === "failed") throw operationError(operation, answer.body, answer.response);
        // What follows a success is the last look at the resource, and need not wait.
        const pauseInMs = retryAfterInMs(answer.response.headers) ?? intervalInMs;
        nextPollAt = status === "succeeded" ? 0 : Date.now() + pauseInMs;
        return operationResponse(request, answer);
      });
    },
  };
}

/** An answer as core wants to see it; without `Retry-After`, which is obeyed here. */
function operationResponse({ method, url }: ServiceRequest, { response, body }: ServiceAnswer): OperationResponse {
  const { "retry-after": _, ...headers } = response.headers.toJSON();
  return {
    flatResponse: body,
    rawResponse: { statusCode: response.status, headers, body, request: { method, url } },
  };
}
