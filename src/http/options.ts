import type { AbortSignalLike } from "@azure/abort-controller";
import type {
  HttpClient,
  LogPolicyOptions,
  PipelineOptions,
  PipelinePolicy,
  PipelineResponse,
} from "@azure/core-rest-pipeline";
import type { OperationTracingOptions } from "@azure/core-tracing";

/** What every method can be told. */
export interface OperationOptions {
  /** Ends the wait with an `AbortError`; what the service has begun goes on. */
  abortSignal?: AbortSignalLike;
  /** How requests are sent. Default: as the client does it. */
  requestOptions?: {
    /** Headers on top of the client's own. Default: none. */
    customHeaders?: Record<string, string>;
    /** Longest time in milliseconds that one attempt of a request may take. Default: 0, no limit. */
    timeout?: number;
  };
  /** Is shown every answer that the method gets, those of polls and pages and those that are errors included. */
  onResponse?: (response: PipelineResponse) => void;
  /** What the spans of the requests belong to, as `@azure/core-tracing` makes it. Default: the active span. */
  tracingOptions?: OperationTracingOptions;
}

/** What methods can be told that start a long-running operation. */
export interface LongRunningOperationOptions extends OperationOptions {
  /**
   * Time between two polls in milliseconds, where the service does not ask for another one by `Retry-After`. Default:
   * 2000, or 100 when the service runs on this machine.
   */
  updateIntervalInMs?: number;
}

/** A policy of one's own, and where it goes. */
export interface AdditionalPolicy {
  /** The policy. */
  policy: PipelinePolicy;
  /** Whether it sees a request once, or every attempt to send it. */
  position: "perCall" | "perRetry";
}

/**
 * What the client can be told; beside the options below, `retryOptions`, `proxyOptions`, `redirectOptions`,
 * `userAgentOptions`, `telemetryOptions`, `tlsOptions` and `agent` of the core library, with its defaults.
 */
export interface BatchAIManagementClientOptions extends PipelineOptions {
  /** Address of the service. Default: `https://management.azure.com`. */
  endpoint?: string;
  /** Version of the REST API. Default: `2018-05-01`, which the models describe. */
  apiVersion?: string;
  /** What tokens are asked for. Default: the endpoint's origin followed by `/.default`. */
  credentialScopes?: string | string[];
  /**
   * Allows plain HTTP to a service on this machine (127.0.0.0/8, ::1, localhost); to any other machine it stays
   * forbidden. Default: false.
   */
  allowInsecureConnection?: boolean;
  /**
   * Whether arguments are checked before anything is sent; a wrong one is a `ValidationError`. Without, the service
   * judges. Names that would lead to another address are refused in any case. Default: true.
   */
  validate?: boolean;
  /** What sends the requests. Default: that of the platform. */
  httpClient?: HttpClient;
  /** Policies of one's own. Default: none. */
  additionalPolicies?: AdditionalPolicy[];
  /** What is logged. Default: at level `info`, requests and answers without bodies, unknown headers or queries. */
  loggingOptions?: LogPolicyOptions;
}
