import { AbortError } from "@azure/abort-controller";
import { createHttpPoller } from "@azure/core-lro";
import type { OperationState, PollerLike } from "@azure/core-lro";
import type { ProvisioningState } from "../models/resource.ts";
import type { ServiceContext } from "./context.ts";
import { logger } from "./logger.ts";
import type { LongRunningOperationOptions } from "./options.ts";
import { runningOperation } from "./runningOperation.ts";
import type { Progress, StartRequest } from "./runningOperation.ts";

/** How far a long-running operation has come: what `onProgress` is shown and `poll` answers with. */
export interface OperationProgress<T> extends OperationState<T> {
  /** The method that began the operation, for example `clusters.create`. */
  operation: string;
  /** ARM id of the resource that the operation is about, as the request named it. */
  resourceId: string;
  /**
   * The service's own word for the status of the operation, for example `InProgress`. Absent until the first poll, and
   * where the service tells it by the HTTP status or by the resource alone. Set by the service.
   */
  serviceStatus?: string;
  /**
   * The state of the resource itself, from the last answer that held the resource; nothing is asked for only to know it.
   * Absent until there was such an answer, and for operations that do not end with a resource. Set by the service.
   */
  provisioningState?: ProvisioningState;
}

/**
 * A long-running operation: await it for its result, or watch it on its way. Rejects with a `RestError` when the service
 * refuses or the operation fails, and with an `AbortError` that names operation and resource when the wait is aborted.
 */
export type OperationPoller<T> = PollerLike<OperationProgress<T>, T>;

/** What a poller needs to know of its operation. */
export interface LongRunningOperation<T> {
  /** The method that was called, for example `jobs.create`; errors name it. */
  readonly operation: string;
  /** Makes the first request; called once, and not at all for a restored poller. */
  readonly firstRequest: StartRequest;
  /** Makes the result from the last answer. */
  readonly readResult: (answer: unknown) => T;
  /** Whether the result is the resource itself, which is read once more at the end. */
  readonly endsWithResource: boolean;
  /** A poller that goes on here: its state as `serialize` made it, and the URL of its first request. */
  readonly restoreFrom?: { readonly state: string; readonly firstUrl: string };
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
  const progress: Progress = { operation: operation.operation, resourceId: "" };
  const { requests, beginAt } = runningOperation(context, operation, progress, options);
  if (operation.restoreFrom) beginAt(operation.restoreFrom.firstUrl);
  const poller = createHttpPoller<T, OperationState<T>>(requests, {
    // The waiting is done where polls are sent, since core knows whole seconds of `Retry-After` only.
    intervalInMs: 0,
    restoreFrom: operation.restoreFrom?.state,
    skipFinalGet: !operation.endsWithResource,
    processResult: (answer) => Promise.resolve(operation.readResult(answer)),
  });
  poller.submitted().catch((error: unknown) => {
    logger.warning(
      `${operation.operation} could not be started: ${error instanceof Error ? error.message : "unknown"}`,
    );
  });
  return withProgress(poller, progress);
}

/** Adds what is known about the operation to the states that core shows and to the errors of an aborted wait. */
function withProgress<T>(core: PollerLike<OperationState<T>, T>, progress: Progress): OperationPoller<T> {
  const describe = (state: OperationState<T>): OperationProgress<T> => Object.assign(state, progress);
  const explain = (error: unknown): never => {
    throw error instanceof Error && error.name === "AbortError" ? abortError(progress, core.operationState) : error;
  };
  const untilDone: OperationPoller<T>["pollUntilDone"] = (options) => core.pollUntilDone(options).catch(explain);
  return {
    get isDone() {
      return core.isDone;
    },
    get operationState() {
      return core.operationState && describe(core.operationState);
    },
    get result() {
      return core.result;
    },
    poll: (options) => core.poll(options).then(describe, explain),
    pollUntilDone: untilDone,
    onProgress: (callback) => core.onProgress((state) => callback(describe(state))),
    serialize: () => core.serialize(),
    submitted: () => core.submitted().catch(explain),
    then: (onFulfilled, onRejected) => untilDone().then(onFulfilled, onRejected),
    catch: (onRejected) => untilDone().catch(onRejected),
    finally: (onFinally) => untilDone().finally(onFinally),
    [Symbol.toStringTag]: "OperationPoller",
  };
}

/** Says what an aborted wait has left behind in the service. */
function abortError({ operation, resourceId }: Progress, state: OperationState<unknown> | undefined): AbortError {
  const target = resourceId === "" ? "" : ` of ${resourceId}`;
  const left = state
    ? "The operation goes on in the service; restorePoller(client, await poller.serialize()) waits for it again."
    : "Aborted before the service had answered: whether the operation goes on there, only the resource can tell.";
  return new AbortError(`${operation}${target}: the wait was aborted. ${left}`);
}
