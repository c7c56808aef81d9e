import { isRestError, retryPolicy } from "@azure/core-rest-pipeline";
import type { PipelinePolicy, PipelineRequest, PipelineRetryOptions, RetryStrategy } from "@azure/core-rest-pipeline";
import { pauseInMs, retryAfterInMs } from "../polling/retryAfter.ts";
import type { RetryLimits } from "../retryLimits.ts";
import { replaying } from "./replaying.ts";

/** Name of core's policy, which this policy replaces; see `defaultRetryPolicy` of `@azure/core-rest-pipeline`. */
export const retryingPolicyName = "defaultRetryPolicy";

/**
 * Limits of requests that differ from those of their client. A `PipelineRequest` has no place for them, and other
 * policies pass it on as it is.
 */
const limitsOfRequests = new WeakMap<PipelineRequest, RetryLimits>();

/** Changes the limits for the retries of one request. */
export function limitRetries(request: PipelineRequest, limits: RetryLimits): void {
  limitsOfRequests.set(request, limits);
}

/**
 * Retries requests after lost connections, truncated responses, and responses that mean that the service is busy. All
 * requests of this API can be retried safely. Replaces core's policy, which does not retry after a truncated response
 * or a 429 without `Retry-After`, has no limit for `Retry-After`, takes the clock of this machine for that of the
 * service, and has no options for single requests.
 */
export function retryingPolicy(options: PipelineRetryOptions = {}, defaults: RetryLimits): PipelinePolicy {
  return {
    name: retryingPolicyName,
    async sendRequest(request, next) {
      // Almost every first attempt succeeds, so the loop of core is only used after a failure.
      const first = next(request);
      try {
        const response = await first;
        if (!isTransientStatus(response.status)) return response;
      } catch (error) {
        if (!isTransientError(error)) throw error;
      }
      const limits = limitsOfRequests.get(request) ?? defaults;
      return retryPolicy([retryStrategy(options, limits)], limits).sendRequest(request, replaying(first, next));
    },
  };
}

function retryStrategy(options: PipelineRetryOptions, { maxRetryAfterInMs }: RetryLimits): RetryStrategy {
  const { retryDelayInMs = 1000, maxRetryDelayInMs = 64_000 } = options;
  return {
    name: "batchai",
    retry({ retryCount, response, responseError }) {
      const longest = Math.min(retryDelayInMs * 2 ** retryCount, maxRetryDelayInMs);
      // Clients that failed at the same time must not retry at the same time.
      const intervalInMs = (longest / 2) * (1 + Math.random());
      if (responseError) {
        return isTransientError(responseError) ? { retryAfterInMs: intervalInMs } : { skipStrategy: true };
      }
      if (response === undefined || !isTransientStatus(response.status)) return { skipStrategy: true };
      if ((retryAfterInMs(response.headers) ?? 0) > maxRetryAfterInMs) return { skipStrategy: true };
      return { retryAfterInMs: pauseInMs(response.headers, { intervalInMs, maxRetryAfterInMs }) };
    },
  };
}

/** Codes of errors that may not occur again: of the network, of a shortage on this machine, or of a truncated response. */
const transientCodes: ReadonlySet<string | undefined> = new Set([
  "PARSE_ERROR",
  "REQUEST_SEND_ERROR",
  "EADDRNOTAVAIL",
  "EAI_AGAIN",
  "ECONNABORTED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "EMFILE",
  "ENETUNREACH",
  "ENFILE",
  "ENOENT",
  "ENOTFOUND",
  "EPIPE",
  "ESOCKETTIMEDOUT",
  "ETIMEDOUT",
]);

/** Whether another attempt may succeed after an error. */
function isTransientError(error: unknown): boolean {
  return isRestError(error) && transientCodes.has(error.code);
}

/** Whether another attempt may succeed after a response with this status. */
function isTransientStatus(status: number): boolean {
  return status === 408 || status === 429 || (status >= 500 && status !== 501 && status !== 505);
}
