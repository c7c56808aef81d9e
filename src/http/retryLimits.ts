import type { BatchAIManagementClientOptions, OperationOptions } from "./options.ts";

/** Limits of the retries of a request, and of pauses that the service requests. */
export interface RetryLimits {
  /** Maximum number of retries. */
  readonly maxRetries: number;
  /** Maximum pause in milliseconds that the service can request. */
  readonly maxRetryAfterInMs: number;
}

/** Returns the limits of a client. */
export function retryLimitsOfClient(options: BatchAIManagementClientOptions): RetryLimits {
  return { maxRetries: options.retryOptions?.maxRetries ?? 3, maxRetryAfterInMs: options.maxRetryAfterInMs ?? 600_000 };
}

/** Returns the limits of a call: those of its client, unless its options change them. */
export function retryLimitsOf(ofClient: RetryLimits, { requestOptions }: OperationOptions): RetryLimits {
  if (requestOptions?.maxRetries === undefined && requestOptions?.maxRetryAfterInMs === undefined) return ofClient;
  const { maxRetries = ofClient.maxRetries, maxRetryAfterInMs = ofClient.maxRetryAfterInMs } = requestOptions;
  return { maxRetries, maxRetryAfterInMs };
}
