import { isRestError, RestError, retryPolicy } from "@azure/core-rest-pipeline";
import type { PipelinePolicy, PipelineRetryOptions, RetryStrategy, SendRequest } from "@azure/core-rest-pipeline";

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
  const retrying = retryPolicy([strategy], { maxRetries });
  return {
    name: "brokenAnswerPolicy",
    async sendRequest(request, next) {
      // Almost every answer is whole, and then no attempts have to be counted.
      try {
        return await next(request);
      } catch (error) {
        if (!isRestError(error) || error.code !== RestError.PARSE_ERROR) throw error;
        return retrying.sendRequest(request, failingFirst(error, next));
      }
    },
  };
}

/** Takes what has failed already for the first attempt. */
function failingFirst(error: RestError, next: SendRequest): SendRequest {
  let isFirst = true;
  return (request) => {
    if (!isFirst) return next(request);
    isFirst = false;
    return Promise.reject(error);
  };
}
