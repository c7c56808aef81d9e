import { isRestError, retryPolicy } from "@azure/core-rest-pipeline";
import type {
  Pipeline,
  PipelinePolicy,
  PipelineRequest,
  PipelineResponse,
  PipelineRetryOptions,
  RetryStrategy,
  SendRequest,
} from "@azure/core-rest-pipeline";
import { pauseInMs, retryAfterInMs } from "../polling/retryAfter.ts";
import type { RetryLimits } from "../retryLimits.ts";

/** Name of core's policy, which this policy replaces; see `defaultRetryPolicy` of `@azure/core-rest-pipeline`. */
const retryingPolicyName = "defaultRetryPolicy";

/** Pauses between attempts if the service does not request one. */
interface Backoff {
  readonly retryDelayInMs: number;
  readonly maxRetryDelayInMs: number;
}

/** Limits of requests that differ from those of their client. */
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
export function retryRequests(pipeline: Pipeline, options: PipelineRetryOptions = {}, defaults: RetryLimits): void {
  const { retryDelayInMs = 1000, maxRetryDelayInMs = 64_000 } = options;
  pipeline.removePolicy({ name: retryingPolicyName });
  pipeline.addPolicy(retryingPolicy({ retryDelayInMs, maxRetryDelayInMs }, defaults), { phase: "Retry" });
}

function retryingPolicy(backoff: Backoff, defaults: RetryLimits): PipelinePolicy {
  return {
    name: retryingPolicyName,
    async sendRequest(request, next) {
      const first = await attempt(request, next);
      // Almost every first attempt succeeds, so the loop of core is only used after a failure.
      if (!isTransient(first)) return responseOf(first);
      const limits = limitsOfRequests.get(request) ?? defaults;
      const retrying = retryPolicy([retryStrategy(backoff, limits)], limits);
      return retrying.sendRequest(request, replaying(first, next));
    },
  };
}

/** Outcome of an attempt: a response or an error. */
type Attempt = { readonly response: PipelineResponse } | { readonly error: unknown };

async function attempt(request: PipelineRequest, next: SendRequest): Promise<Attempt> {
  try {
    return { response: await next(request) };
  } catch (error) {
    return { error };
  }
}

function responseOf(outcome: Attempt): PipelineResponse {
  if ("response" in outcome) return outcome.response;
  throw outcome.error;
}

/** Returns a function that first returns an outcome again, and then sends requests. */
function replaying(first: Attempt, next: SendRequest): SendRequest {
  let isFirst = true;
  return async (request) => {
    if (!isFirst) return next(request);
    isFirst = false;
    return responseOf(first);
  };
}

function retryStrategy(
  { retryDelayInMs, maxRetryDelayInMs }: Backoff,
  { maxRetryAfterInMs }: RetryLimits,
): RetryStrategy {
  return {
    name: "batchai",
    retry({ retryCount, response, responseError }) {
      const longest = Math.min(retryDelayInMs * 2 ** retryCount, maxRetryDelayInMs);
      // Clients that failed at the same time must not retry at the same time.
      const intervalInMs = (longest / 2) * (1 + Math.random());
      if (responseError) {
        return isTransient({ error: responseError }) ? { retryAfterInMs: intervalInMs } : { skipStrategy: true };
      }
      if (response === undefined || !isTransient({ response })) return { skipStrategy: true };
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

/** Whether another attempt may have another outcome. */
function isTransient(outcome: Attempt): boolean {
  if ("error" in outcome) return isRestError(outcome.error) && transientCodes.has(outcome.error.code);
  const { status } = outcome.response;
  return status === 408 || status === 429 || (status >= 500 && status !== 501 && status !== 505);
}
