import { isRestError, RestError, retryPolicy } from "@azure/core-rest-pipeline";
import type { PipelinePolicy, PipelineRetryOptions, RetryStrategy, SendRequest } from "@azure/core-rest-pipeline";

/**
 * Retries a request whose response was truncated. Core's own policy retries after a lost connection, but not after a
 * truncated response. All requests of this API can be retried safely.
 */
export function truncatedResponsePolicy(options: PipelineRetryOptions = {}): PipelinePolicy {
  const { maxRetries = 3, retryDelayInMs = 1000, maxRetryDelayInMs = 64_000 } = options;
  const strategy: RetryStrategy = {
    name: "truncatedResponse",
    retry: ({ retryCount, responseError }) =>
      responseError?.code === RestError.PARSE_ERROR
        ? { retryAfterInMs: Math.min(retryDelayInMs * 2 ** retryCount, maxRetryDelayInMs) }
        : { skipStrategy: true },
  };
  const retrying = retryPolicy([strategy], { maxRetries });
  return {
    name: "truncatedResponsePolicy",
    async sendRequest(request, next) {
      // Almost every response is complete, so the retry policy is only used after an error.
      try {
        return await next(request);
      } catch (error) {
        if (!isRestError(error) || error.code !== RestError.PARSE_ERROR) throw error;
        return retrying.sendRequest(request, failingFirst(error, next));
      }
    },
  };
}

/** Returns a function that rejects with the error of the first attempt, and then sends requests. */
function failingFirst(error: RestError, next: SendRequest): SendRequest {
  let isFirst = true;
  return (request) => {
    if (!isFirst) return next(request);
    isFirst = false;
    return Promise.reject(error);
  };
}
