import { RestError, retryPolicy } from "@azure/core-rest-pipeline";
import type { PipelinePolicy, PipelineRetryOptions, RetryStrategy } from "@azure/core-rest-pipeline";

/**
 * Sends a request again whose answer broke off. Core's own policy takes a lost connection for worth another attempt, but
 * not an answer that was lost half-way; every request of this API can safely be sent again.
 */
export function brokenAnswerPolicy(options: PipelineRetryOptions = {}): PipelinePolicy {
  const { maxRetries = 3, retryDelayInMs = 1000, maxRetryDelayInMs = 64_000 } = options;
  const strategy: RetryStrategy = {
    name: "brokenAnswer",
    retry: ({ retryCount, responseError }) =>
      responseError?.code === RestError.PARSE_ERROR
        ? { retryAfterInMs: Math.min(retryDelayInMs * 2 ** retryCount, maxRetryDelayInMs) }
        : { skipStrategy: true },
  };
  return { ...retryPolicy([strategy], { maxRetries }), name: "brokenAnswerPolicy" };
}
