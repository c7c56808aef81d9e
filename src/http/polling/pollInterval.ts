import type { HttpHeaders } from "@azure/core-rest-pipeline";
import { isLoopback } from "../../ground/loopback.ts";
import type { ServiceContext } from "../context.ts";
import type { LongRunningOperationOptions } from "../options.ts";
import { retryLimitsOf } from "../retryLimits.ts";
import { pauseInMs } from "./retryAfter.ts";

/** Returns the pause in milliseconds after a response to a poll; without a response, the polling interval. */
export function pollPauseInMs(
  context: ServiceContext,
  options: LongRunningOperationOptions,
  headers?: HttpHeaders,
): number {
  const intervalInMs = options.updateIntervalInMs ?? (isLoopback(new URL(context.endpoint)) ? 100 : 2000);
  const { maxRetryAfterInMs } = retryLimitsOf(context.retryLimits, options);
  return headers === undefined ? intervalInMs : pauseInMs(headers, { intervalInMs, maxRetryAfterInMs });
}
