import type { TokenCredential } from "@azure/core-auth";
import {
  agentPolicyName,
  createDefaultHttpClient,
  createPipelineFromOptions,
  formDataPolicyName,
  multipartPolicyName,
  proxyPolicyName,
  tlsPolicyName,
} from "@azure/core-rest-pipeline";
import type { HttpClient, Pipeline } from "@azure/core-rest-pipeline";
import { createDownloads } from "./download.ts";
import type { Downloads } from "./download.ts";
import { logger } from "./logger.ts";
import type { BatchAIManagementClientOptions } from "./options.ts";
import { insecureMessage, isSecure } from "./secureUrl.ts";
import { tokenPolicy } from "./policies/tokenPolicy.ts";
import { traceRequests } from "./policies/tracingPolicy.ts";
import { truncatedResponsePolicy } from "./policies/truncatedResponsePolicy.ts";
import { defaultApiVersion, packageVersion } from "./version.ts";

/** Everything that operations need to call the service. */
export interface ServiceContext {
  /** URL of the service, without a trailing slash. */
  readonly endpoint: string;
  /** Origin of the endpoint. The client sends requests only to this origin. */
  readonly origin: string;
  readonly apiVersion: string;
  readonly subscriptionId: string;
  /** Whether to validate arguments before sending a request. */
  readonly validate: boolean;
  readonly pipeline: Pipeline;
  readonly httpClient: HttpClient;
  /** Downloads of files by their signed URLs, without the token. */
  readonly downloads: Downloads;
}

const safeHeaders = ["request-id", "retry-after-ms", "x-ms-retry-after-ms"];
const safeQueries = ["maxresults", "outputdirectoryid", "directory", "linkexpiryinminutes"];

/** Creates the context of a client. Throws a `TypeError` if no request could be sent safely to the endpoint. */
export function createContext(
  credential: TokenCredential,
  subscriptionId: string,
  options: BatchAIManagementClientOptions,
): ServiceContext {
  const url = parseEndpoint(options);
  const httpClient = options.httpClient ?? createDefaultHttpClient();
  return {
    endpoint: `${url.origin}${url.pathname.replace(/\/+$/, "")}`,
    origin: url.origin,
    apiVersion: options.apiVersion ?? defaultApiVersion,
    subscriptionId,
    validate: options.validate ?? true,
    pipeline: createPipeline(credential, url, options),
    httpClient,
    downloads: createDownloads(options, url.protocol === "http:", httpClient),
  };
}

function parseEndpoint({ endpoint, allowInsecureConnection }: BatchAIManagementClientOptions): URL {
  const address = endpoint ?? "https://management.azure.com";
  if (!URL.canParse(address))
    throw new TypeError("endpoint: must be an absolute URL such as https://management.azure.com");
  const url = new URL(address);
  if (!isSecure(url, allowInsecureConnection ?? false)) throw new TypeError(`endpoint: ${insecureMessage(url)}`);
  return url;
}

/** Names of policies that have no effect: this API uses neither forms nor multipart bodies. */
function needlessPolicies({ agent, tlsOptions }: BatchAIManagementClientOptions): string[] {
  const names = [formDataPolicyName, multipartPolicyName];
  if (!agent) names.push(agentPolicyName);
  if (!tlsOptions) names.push(tlsPolicyName);
  return names;
}

function createPipeline(credential: TokenCredential, url: URL, options: BatchAIManagementClientOptions): Pipeline {
  const ownPrefix = `batchai/${packageVersion}`;
  const usersPrefix = options.userAgentOptions?.userAgentPrefix;
  const allowedHeaders = [...safeHeaders, ...(options.loggingOptions?.additionalAllowedHeaderNames ?? [])];
  const allowedQueries = [...safeQueries, ...(options.loggingOptions?.additionalAllowedQueryParameters ?? [])];
  const pipeline = createPipelineFromOptions({
    ...options,
    userAgentOptions: { userAgentPrefix: usersPrefix ? `${usersPrefix} ${ownPrefix}` : ownPrefix },
    loggingOptions: {
      logger: logger.info,
      ...options.loggingOptions,
      additionalAllowedHeaderNames: allowedHeaders,
      additionalAllowedQueryParameters: allowedQueries,
    },
  });
  for (const name of needlessPolicies(options)) pipeline.removePolicy({ name });
  traceRequests(pipeline, allowedQueries);
  pipeline.addPolicy(truncatedResponsePolicy(options.retryOptions), { phase: "Retry" });
  // A proxy could read the token, and is not needed between two processes on one machine.
  if (url.protocol === "http:") pipeline.removePolicy({ name: proxyPolicyName });
  const scopes = options.credentialScopes ?? `${url.origin}/.default`;
  const allowLoopback = options.allowInsecureConnection ?? false;
  pipeline.addPolicy(tokenPolicy({ credential, scopes, origin: url.origin, allowLoopback }), { phase: "Sign" });
  for (const { policy, position } of options.additionalPolicies ?? []) {
    pipeline.addPolicy(policy, position === "perRetry" ? { afterPhase: "Sign" } : {});
  }
  return pipeline;
}
