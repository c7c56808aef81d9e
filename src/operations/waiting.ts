import { isRestError } from "@azure/core-rest-pipeline";
import type { PipelineResponse, RestError } from "@azure/core-rest-pipeline";
import { delay } from "../http/abort.ts";
import { AbortError, abortReason, isAbortError } from "../http/abortError.ts";
import type { ServiceContext } from "../http/context.ts";
import type { OperationOptions } from "../http/options.ts";
import { pollPauseInMs } from "../http/polling/pollInterval.ts";
import { restError } from "../http/restError.ts";
import type { ErrorDetails } from "../http/restError.ts";

/** Options of methods that poll a resource. */
export interface WaitOptions extends OperationOptions {
  /**
   * Polling interval in milliseconds. A `Retry-After` from the service takes precedence. Default: 2000, or 100 for a
   * service on this machine.
   */
  updateIntervalInMs?: number;
}

/** Description of a wait, for error messages. */
export interface Waiting {
  /** Method that was called, for example `jobs.waitForCompletion`. */
  readonly operation: string;
  /** Name of the resource, for example `job myjob`. */
  readonly subject: string;
  /** Clause that says what continues after an aborted wait, for example `the job continues`. */
  readonly whatContinues: string;
}

/** Requests the current state of a resource. */
export type Poll<T> = (options: OperationOptions) => Promise<T>;

/**
 * Polls a resource until `isEnough` returns true, with the polling interval of pollers. Rejects with an `AbortError`
 * that says what continues, and with a `RestError` if the resource was deleted during the wait.
 */
export async function pollUntil<T extends { creationTime?: Date }>(
  context: ServiceContext,
  waiting: Waiting,
  options: WaitOptions,
  poll: Poll<T>,
  isEnough: (seen: T) => boolean,
): Promise<T> {
  let first: T | undefined;
  try {
    for (;;) {
      let pauseInMs = pollPauseInMs(context, options);
      const onResponse = (response: PipelineResponse): void => {
        pauseInMs = pollPauseInMs(context, options, response.headers);
        options.onResponse?.(response);
      };
      const seen = await poll({ ...options, onResponse });
      first ??= seen;
      if (first.creationTime?.getTime() !== seen.creationTime?.getTime()) throw replacedError(waiting);
      if (isEnough(seen)) return seen;
      await pause(pauseInMs, options);
    }
  } catch (error) {
    throw explainedError(error, waiting, options, first !== undefined);
  }
}

/** Waits for the polling interval. */
export function pause(milliseconds: number, { abortSignal }: OperationOptions): Promise<void> {
  return delay(milliseconds, abortSignal ?? new AbortController().signal);
}

/**
 * Explains an error of a wait: what continues if it was aborted, and that the resource was deleted if it no longer
 * exists.
 */
export function explainedError(
  error: unknown,
  waiting: Waiting,
  options: OperationOptions,
  hasExisted: boolean,
): unknown {
  const { operation, subject, whatContinues } = waiting;
  if (options.abortSignal?.aborted && isAbortError(error)) {
    const cause = abortReason(options.abortSignal);
    return new AbortError(`${operation}: the wait for ${subject} was aborted; ${whatContinues}.`, { operation, cause });
  }
  if (!hasExisted || !isRestError(error) || error.statusCode !== 404) return error;
  const { code, statusCode, request, response } = error;
  const message = `${operation}: ${subject} was deleted during the wait [${code ?? "NotFound"}, HTTP 404]`;
  const details = error.details as ErrorDetails | undefined;
  return restError(message, { code, statusCode, request, response, details });
}

function replacedError({ operation, subject }: Waiting): RestError {
  const message = `${operation}: ${subject} was deleted and replaced by a new one with the same name during the wait [ResourceReplaced]`;
  return restError(message, { code: "ResourceReplaced" });
}
