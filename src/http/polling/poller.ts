import { createHttpPoller } from "@azure/core-lro";
import type { OperationState, PollerLike } from "@azure/core-lro";
import type { AbortSignalLike } from "@azure/abort-controller";
import type { ProvisioningState } from "../../models/resource.ts";
import { resourceIdInUrl } from "../../wire/resourceIds.ts";
import { AbortError, abortReason, isAbortError } from "../abortError.ts";
import type { Call } from "../call.ts";
import type { ServiceContext } from "../context.ts";
import type { LongRunningOperationOptions } from "../options.ts";
import { warn } from "../platform.ts";
import { runningOperation } from "./runningOperation.ts";
import type { Progress } from "./runningOperation.ts";
import { Waits } from "./waits.ts";
import type { ServiceResponse } from "../request.ts";

/** Progress of a long-running operation, as passed to `onProgress` and returned by `poll`. */
export interface OperationProgress<T> extends OperationState<T> {
  /** Method that started the operation, for example `clusters.create`. */
  operation: string;
  /** ARM ID of the operation's resource, as spelled in the request. */
  resourceId: string;
  /**
   * Status value of the service, for example `InProgress`. Absent before the first poll, and if the service reports the
   * status only through the HTTP status or the resource. Set by the service.
   */
  serviceStatus?: string;
  /**
   * State of the resource, from the last response that contained it; the poller sends no extra requests for it. Absent
   * before the first such response, and for operations that do not return a resource. Set by the service.
   */
  provisioningState?: ProvisioningState;
}

/**
 * A long-running operation. Await it to get its result, or follow its progress. Rejects with a `RestError` if the
 * service rejects the request or the operation fails, and with an `AbortError` that names the operation and the
 * resource if the wait is aborted.
 */
export type OperationPoller<T> = PollerLike<OperationProgress<T>, T>;

/** Description of the operation for its poller. */
export interface LongRunningOperation<T> {
  /** Method that was called, for example `jobs.create`; errors name it. */
  readonly operation: string;
  /** First call of the operation. Absent for a restored poller. */
  readonly call?: Call;
  /** For a restored poller: the state that `serialize` returned, and the URL of the first request. */
  readonly restoreFrom?: { readonly state: string; readonly firstUrl: string };
  /** Creates the result from the last response. Throws a `RestError` if it is not the result. */
  readonly readResult: (received: ServiceResponse) => T;
  /** Whether the result is the resource, which the poller then requests again at the end. */
  readonly endsWithResource: boolean;
}

/**
 * Starts a long-running operation, or resumes one. Sends the first request immediately. If that request fails and the
 * caller does not use the poller, prints a warning: the caller has probably forgotten to await it.
 */
export function pollOperation<T>(
  context: ServiceContext,
  { operation, call, restoreFrom, readResult, endsWithResource }: LongRunningOperation<T>,
  options: LongRunningOperationOptions,
): OperationPoller<T> {
  const progress: Progress = {
    operation,
    resourceId: restoreFrom ? (resourceIdInUrl(restoreFrom.firstUrl) ?? "") : "",
  };
  const waits = new Waits();
  const requests = runningOperation(context, { call, endsWithResource, waits }, progress, options);
  const poller = createHttpPoller<T, OperationState<T>>(requests, {
    // `sendPollRequest` waits between polls, because core supports only whole seconds of `Retry-After`.
    intervalInMs: 0,
    restoreFrom: restoreFrom?.state,
    skipFinalGet: !endsWithResource,
    processResult: (received, state) => resultOf(() => readResult(received as ServiceResponse), state),
  });
  return withProgress(poller, progress, waits, options);
}

/** Reads the result. If that fails, sets the status to `failed`; core has already set it to `succeeded`. */
async function resultOf<T>(read: () => T, state: OperationState<T>): Promise<T> {
  try {
    return read();
  } catch (error) {
    state.status = "failed";
    state.error = error instanceof Error ? error : new Error(String(error));
    throw error;
  }
}

/** Adds the progress of the operation to the states that core reports and to the errors of an aborted wait. */
function withProgress<T>(
  core: PollerLike<OperationState<T>, T>,
  progress: Progress,
  waits: Waits,
  { abortSignal }: LongRunningOperationOptions,
): OperationPoller<T> {
  const withProgressOf = (state: OperationState<T>): OperationProgress<T> => Object.assign(state, progress);
  let isUsed = false;
  const use = <R>(outcome: Promise<R>, pollOptions?: { abortSignal?: AbortSignalLike }): Promise<R> => {
    isUsed = true;
    return outcome.catch((error: unknown) => {
      const cause = abortReason(abortSignal, pollOptions?.abortSignal);
      throw isAbortError(error) ? abortError(progress, core.operationState, cause) : error;
    });
  };
  const untilDone: OperationPoller<T>["pollUntilDone"] = (options) =>
    use(
      waits.join(() => core.pollUntilDone(), options?.abortSignal),
      options,
    );
  core.submitted().catch((error: unknown) => {
    // Only if the caller does not use the poller before the event loop continues.
    if (!isAbortError(error)) setTimeout(() => isUsed || warnUnused(progress.operation, error), 0);
  });
  return {
    get isDone() {
      return core.isDone;
    },
    get operationState() {
      return core.operationState && withProgressOf(core.operationState);
    },
    get result() {
      return core.result;
    },
    poll: (options) => use(core.poll(options), options).then(withProgressOf),
    pollUntilDone: untilDone,
    onProgress: (callback) => core.onProgress((state) => callback(withProgressOf(state))),
    serialize: () => use(core.serialize()),
    submitted: () => use(core.submitted()),
    then: (onFulfilled, onRejected) => untilDone().then(onFulfilled, onRejected),
    catch: (onRejected) => untilDone().catch(onRejected),
    finally: (onFinally) => untilDone().finally(onFinally),
    [Symbol.toStringTag]: "OperationPoller",
  };
}

function warnUnused(operation: string, error: unknown): void {
  const reason = error instanceof Error ? error.message : "unknown";
  warn(
    `${operation} failed, and nothing has awaited its poller yet. Await it to handle this error: ${reason}`,
    "UnusedPoller",
  );
}

/** Creates the error of an aborted wait, which says whether the operation continues in the service. */
function abortError(
  { operation, resourceId }: Progress,
  state: OperationState<unknown> | undefined,
  cause: unknown,
): AbortError {
  const resource = resourceId === "" ? undefined : resourceId;
  const target = resource === undefined ? "" : ` of ${resource}`;
  const left = state
    ? "The operation continues in the service. To wait for it again, call restorePoller(client, await poller.serialize())."
    : "The service had not responded yet, so the operation may have started. Check the resource.";
  return new AbortError(`${operation}${target}: the wait was aborted. ${left}`, { operation, resource, cause });
}
