import { AbortError } from "@azure/abort-controller";
import { isRestError, RestError } from "@azure/core-rest-pipeline";
import type { PipelineResponse } from "@azure/core-rest-pipeline";
import { delay } from "../http/abort.ts";
import type { ServiceContext } from "../http/context.ts";
import type { OperationOptions } from "../http/options.ts";
import { pollIntervalInMs } from "../http/pollInterval.ts";
import { retryAfterInMs } from "../http/retryAfter.ts";

/** What methods can be told that look at something again and again. */
export interface WaitOptions extends OperationOptions {
  /**
   * Time between two looks in milliseconds, where the service does not ask for another one by `Retry-After`. Default:
   * 2000, or 100 when the service runs on this machine.
   */
  updateIntervalInMs?: number;
}

/** What is waited for, in words for errors. */
export interface Waiting {
  /** The method that was called, for example `jobs.waitForCompletion`. */
  readonly operation: string;
  /** The resource, for example `job myjob`. */
  readonly subject: string;
  /** What of it goes on without anybody waiting, for example `the job goes on`. */
  readonly goesOn: string;
}

/** Looks at something. */
export type Look<T> = (options: OperationOptions) => Promise<T>;

/**
 * Looks at something again and again until it is as it should be, with the pauses of pollers. Rejects with an
 * `AbortError` that says what goes on, and when what was seen is not there any more.
 */
export async function lookUntil<T extends { creationTime?: Date }>(
  context: ServiceContext,
  waiting: Waiting,
  options: WaitOptions,
  look: Look<T>,
  isEnough: (seen: T) => boolean,
): Promise<T> {
  let first: T | undefined;
  try {
    for (;;) {
      let pauseInMs = pollIntervalInMs(context, options);
      const onResponse = (response: PipelineResponse): void => {
        pauseInMs = retryAfterInMs(response.headers) ?? pauseInMs;
        options.onResponse?.(response);
      };
      const seen = await look({ ...options, onResponse });
      first ??= seen;
      if (first.creationTime?.getTime() !== seen.creationTime?.getTime()) throw replacedError(waiting);
      if (isEnough(seen)) return seen;
      await pause(pauseInMs, options);
    }
  } catch (error) {
    throw explained(error, waiting, options, first !== undefined);
  }
}

/** Waits for the time between two looks. */
export function pause(milliseconds: number, { abortSignal }: OperationOptions): Promise<void> {
  return delay(milliseconds, abortSignal ?? new AbortController().signal);
}

/** An error of a wait: what it leaves behind when it was aborted, and what it means that the resource is gone. */
export function explained(error: unknown, waiting: Waiting, options: OperationOptions, wasThere: boolean): unknown {
  const { operation, subject, goesOn } = waiting;
  if (options.abortSignal?.aborted && error instanceof Error && error.name === "AbortError") {
    return new AbortError(`${operation}: the wait for ${subject} was aborted; ${goesOn}.`);
  }
  if (!wasThere || !isRestError(error) || error.statusCode !== 404) return error;
  const { code, statusCode, request, response } = error;
  const message = `${operation}: ${subject} was deleted while it was waited for [${code ?? "NotFound"}, HTTP 404]`;
  const gone = new RestError(message, { code, statusCode, request, response });
  gone.details = error.details;
  return gone;
}

function replacedError({ operation, subject }: Waiting): RestError {
  const message = `${operation}: ${subject} was deleted while it was waited for, and another one has its name now [ResourceReplaced]`;
  return new RestError(message, { code: "ResourceReplaced" });
}
