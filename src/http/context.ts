import type { TokenCredential } from "@azure/core-auth";
import {
  agentPolicyName,
  createPipelineFromOptions,
  formDataPolicyName,
  multipartPolicyName,
  proxyPolicyName,
  tlsPolicyName,
} from "@azure/core-rest-pipeline";
import type { Pipeline } from "@azure/core-rest-pipeline";
import { isJsonObject } from "../wire/jsonObject.ts";
import { checkClientOptions } from "./checkOptions.ts";
import { createConnections } from "./connections.ts";
import type { Connections } from "./connections.ts";
import { createDownloads } from "./download.ts";
import type { Downloads } from "./download.ts";
import { logger } from "./logger.ts";
import type { BatchAIManagementClientOptions } from "./options.ts";
import { insecureMessage, isSecure } from "./secureUrl.ts";
import { reusingToken } from "./policies/reusingToken.ts";
import { tokenPolicy } from "./policies/tokenPolicy.ts";
import { traceRequests } from "./policies/tracingPolicy.ts";
import { retryingPolicy, retryingPolicyName } from "./policies/retryingPolicy.ts";
import { retryLimitsOfClient } from "./retryLimits.ts";
import type { RetryLimits } from "./retryLimits.ts";
import { defaultApiVersion, packageVersion } from "./version.ts";

/** Everything that operations need to call the service. */
export interface ServiceContext {
  /** Version of the package that created the client. */
  readonly packageVersion: string;
  /** URL of the service, without a trailing slash. */
  readonly endpoint: string;
  /** Origin of the endpoint. The client sends requests only to this origin. */
  readonly origin: string;
  readonly apiVersion: string;
  readonly subscriptionId: string;
  /** Whether to validate arguments before sending a request. */
  readonly validate: boolean;
  readonly pipeline: Pipeline;
  readonly connections: Connections;
  /** Limits of calls without limits of their own. */
  readonly retryLimits: RetryLimits;
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
  checkCredential(credential);
  checkClientOptions(options);
  const retryLimits = retryLimitsOfClient(options);
  const connections = createConnections(options);
  return {
    packageVersion,
    endpoint: `${url.origin}${url.pathname.replace(/\/+$/, "")}`,
    origin: url.origin,
    apiVersion: options.apiVersion ?? defaultApiVersion,
    subscriptionId,
    validate: options.validate ?? true,
    pipeline: createPipeline(credential, url, options, retryLimits),
    connections,
    retryLimits,
    downloads: createDownloads(options, url.protocol === "http:", connections, retryLimits),
  };
}

/** Throws a `TypeError` unless the value can be asked for tokens. Callers in JavaScript can pass anything. */
function checkCredential(credential: unknown): void {
  if (isJsonObject(credential) && typeof credential.getToken === "function") return;
  const got = credential === undefined || credential === null ? String(credential) : `a ${typeof credential}`;
  const advice = 'such as one of @azure/identity, or tokenCredential("TOKEN") of this package';
  throw new TypeError(`credential: must be a TokenCredential, ${advice}, got ${got}`);
}

function parseEndpoint({ endpoint, allowInsecureConnection }: BatchAIManagementClientOptions): URL {
  const address = endpoint ?? "https://management.azure.com";
  if (!URL.canParse(address))
    throw new TypeError("endpoint: must be an absolute URL such as https://management.azure.com");
  const url = new URL(address);
  if (!isSecure(url, allowInsecureConnection ?? false)) throw new TypeError(`endpoint: ${insecureMessage(url)}`);
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw new TypeError("endpoint: must not contain a user, a password, a query or a fragment");
  }
  return url;
}

/** Names of policies that have no effect: this API uses neither forms nor multipart bodies. */
function needlessPolicies({ agent, tlsOptions }: BatchAIManagementClientOptions): string[] {
  const names = [formDataPolicyName, multipartPolicyName];
  if (!agent) names.push(agentPolicyName);
  if (!tlsOptions) names.push(tlsPolicyName);
  return names;
}

function createPipeline(
  credential: TokenCredential,
  url: URL,
  options: BatchAIManagementClientOptions,
  retryLimits: RetryLimits,
): Pipeline {
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
  pipeline.removePolicy({ name: retryingPolicyName });
  pipeline.addPolicy(retryingPolicy(options.retryOptions, retryLimits), { phase: "Retry" });
  // A proxy could read the token, and is not needed between two processes on one machine.
  if (url.protocol === "http:") pipeline.removePolicy({ name: proxyPolicyName });
  const scopes = options.credentialScopes ?? `${url.origin}/.default`;
  const allowLoopback = options.allowInsecureConnection ?? false;
  const authorize = reusingToken(credential, scopes);
  pipeline.addPolicy(tokenPolicy({ authorize, origin: url.origin, allowLoopback }), { phase: "Sign" });
  for (const { policy, position } of options.additionalPolicies ?? []) {
    pipeline.addPolicy(policy, position === "perRetry" ? { afterPhase: "Sign" } : {});
  }
  return pipeline;
}
