import type { AbortSignalLike } from "@azure/abort-controller";
import type {
  HttpClient,
  LogPolicyOptions,
  PipelineOptions,
  PipelinePolicy,
  PipelineResponse,
} from "@azure/core-rest-pipeline";
import type { OperationTracingOptions } from "@azure/core-tracing";

/** Options of every method. */
export interface OperationOptions {
  /** Aborts the call with an `AbortError`. Work that the service has started continues. */
  abortSignal?: AbortSignalLike;
  /** Options of the requests. Default: the options of the client. */
  requestOptions?: {
    /** Headers in addition to those of the client. Default: none. */
    customHeaders?: Record<string, string>;
    /** Maximum time in milliseconds for one attempt of a request. Default: 0, no limit. */
    timeout?: number;
    /** Maximum number of retries of a request, at least 0. Default: `retryOptions.maxRetries` of the client. */
    maxRetries?: number;
    /**
     * Maximum pause in milliseconds that the service can request with `Retry-After`, at least 0. If it requests more,
     * a failed request is not retried, and pollers and waits poll after this time. Default: `maxRetryAfterInMs` of the
     * client.
     */
    maxRetryAfterInMs?: number;
  };
  /** Called with every response to this method, including polls, pages and error responses. */
  onResponse?: (response: PipelineResponse) => void;
  /** Parent span of the requests, from `@azure/core-tracing`. Default: the active span. */
  tracingOptions?: OperationTracingOptions;
}

/** Options of methods that start a long-running operation. */
export interface LongRunningOperationOptions extends OperationOptions {
  /**
   * Polling interval in milliseconds. A `Retry-After` from the service takes precedence. Default: 2000, or 100 for a
   * service on this machine.
   */
  updateIntervalInMs?: number;
}

/** A custom pipeline policy and its position. */
export interface AdditionalPolicy {
  /** The policy. */
  policy: PipelinePolicy;
  /** Position of the policy: `perCall` sees each request once, `perRetry` sees every attempt to send it. */
  position: "perCall" | "perRetry";
}

/**
 * Options of the client. Also takes `retryOptions`, `proxyOptions`, `redirectOptions`, `userAgentOptions`,
 * `telemetryOptions`, `tlsOptions` and `agent` of the core library, with that library's defaults.
 */
export interface BatchAIManagementClientOptions extends PipelineOptions {
  /** URL of the service. Default: `https://management.azure.com`. */
  endpoint?: string;
  /** Version of the REST API. Default: `2018-05-01`, which the models describe. */
  apiVersion?: string;
  /** Scopes of the access tokens. Default: the endpoint's origin followed by `/.default`. */
  credentialScopes?: string | string[];
  /**
   * Whether to allow plain HTTP to a service on this machine (127.0.0.0/8, ::1, localhost). Plain HTTP to any other
   * machine is never allowed. Default: false.
   */
  allowInsecureConnection?: boolean;
  /**
   * Whether to validate arguments before sending a request; an invalid argument causes a `ValidationError`. If false,
   * only the service validates them. Names that would change the URL of the request are always rejected. Default: true.
   */
  validate?: boolean;
  /**
   * HTTP client that sends the requests. Default: the HTTP client of the platform, which all clients of the process
   * share, with at most 50 connections to each host in Node.js
   * (clients with `tlsOptions` have connections of their own).
   */
  httpClient?: HttpClient;
  /**
   * Maximum pause in milliseconds that the service can request with `Retry-After`, at least 0. If it requests more, a
   * failed request is not retried, and pollers and waits poll after this time. Default: 600,000 (10 minutes).
   */
  maxRetryAfterInMs?: number;
  /** Custom pipeline policies. Default: none. */
  additionalPolicies?: AdditionalPolicy[];
  /**
   * Options of logging. Default: logs requests and responses at level `info`, without bodies and without unknown
   * headers or queries.
   */
  loggingOptions?: LogPolicyOptions;
}
