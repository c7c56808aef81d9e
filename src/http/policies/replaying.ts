import type { PipelineResponse, SendRequest } from "@azure/core-rest-pipeline";

/**
 * Returns a function that first returns a response that has already been received, or rejects with its error, and then
 * sends requests. Hands a first attempt over to a policy of core, which would send the request again.
 */
export function replaying(first: PipelineResponse | Promise<PipelineResponse>, next: SendRequest): SendRequest {
  let isFirst = true;
  return async (request) => {
    if (!isFirst) return next(request);
    isFirst = false;
    return first;
  };
}
