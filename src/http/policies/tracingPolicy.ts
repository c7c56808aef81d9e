import { isRestError, redirectPolicyName, tracingPolicyName } from "@azure/core-rest-pipeline";
import type {
  Pipeline,
  PipelinePolicy,
  PipelineRequest,
  PipelineResponse,
  SendRequest,
} from "@azure/core-rest-pipeline";
import { createTracingClient } from "@azure/core-tracing";
import type { TracingContext, TracingSpan } from "@azure/core-tracing";
import { logger } from "../logger.ts";
import { packageVersion } from "../version.ts";

const tracing = /* @__PURE__ */ createTracingClient({
  namespace: "Microsoft.BatchAI",
  packageName: "batchai",
  packageVersion,
});

/**
 * Creates a span for every attempt to send a request. Replaces core's policy, which describes a span for each request
 * even if tracing is off. Spans contain only the queries with these names, in lowercase.
 */
export function traceRequests(pipeline: Pipeline, allowedQueries: readonly string[] = []): void {
  const shownQueries = new Set(["api-version", ...allowedQueries.map((name) => name.toLowerCase())]);
  pipeline.removePolicy({ name: tracingPolicyName });
  pipeline.addPolicy(tracingPolicy(shownQueries), { afterPhase: "Retry" });
  // Redirects still follow the tracing policy: all of them share one span, and tokens are checked after them.
  for (const redirects of pipeline.removePolicy({ name: redirectPolicyName })) {
    pipeline.addPolicy(redirects, { afterPhase: "Retry" });
  }
}

interface StartedSpan {
  readonly span: TracingSpan;
  readonly tracingContext: TracingContext;
}

function tracingPolicy(shownQueries: ReadonlySet<string>): PipelinePolicy {
  return {
    name: tracingPolicyName,
    sendRequest(request, next) {
      const started = withoutHarm(() => startSpan(request, shownQueries));
      return started === undefined ? next(request) : sendWithin(started, request, next);
    },
  };
}

async function sendWithin(
  { span, tracingContext }: StartedSpan,
  request: PipelineRequest,
  next: SendRequest,
): Promise<PipelineResponse> {
  try {
    const response = await tracing.withContext(tracingContext, next, request);
    withoutHarm(() => endWithAnswer(span, response));
    return response;
  } catch (error) {
    withoutHarm(() => endWithError(span, error));
    throw error;
  }
}

/** Starts a span and adds its headers to the request. Returns `undefined` if tracing is off. */
function startSpan(request: PipelineRequest, shownQueries: ReadonlySet<string>): StartedSpan | undefined {
  const spanAttributes = attributesOf(request, shownQueries);
  const { span, updatedOptions } = tracing.startSpan(
    `HTTP ${request.method}`,
    { tracingOptions: request.tracingOptions },
    { spanKind: "client", spanAttributes },
  );
  if (!span.isRecording()) {
    span.end();
    return undefined;
  }
  const { tracingContext } = updatedOptions.tracingOptions;
  for (const [name, value] of Object.entries(tracing.createRequestHeaders(tracingContext))) {
    request.headers.set(name, value);
  }
  return { span, tracingContext };
}

function attributesOf(request: PipelineRequest, shownQueries: ReadonlySet<string>): Record<string, unknown> {
  const { url, method, headers, requestId } = request;
  const attributes: Record<string, unknown> = {
    "http.url": redacted(url, shownQueries),
    "http.method": method,
    requestId,
  };
  // Browsers do not let programs set `user-agent`.
  const userAgent = headers.get("user-agent") ?? headers.get("x-ms-useragent");
  if (userAgent !== undefined) attributes["http.user_agent"] = userAgent;
  return attributes;
}

const plainAddress = /^[^?#]*\?api-version=[\w.-]*$/;

/** Returns the URL, without the values of queries that may contain a secret. */
function redacted(address: string, shownQueries: ReadonlySet<string>): string {
  // Most requests have no other query, so their URL needs no parsing.
  if (plainAddress.test(address)) return address;
  const url = new URL(address);
  for (const name of new Set(url.searchParams.keys())) {
    if (!shownQueries.has(name.toLowerCase())) url.searchParams.set(name, "REDACTED");
  }
  return url.href;
}

function endWithAnswer(span: TracingSpan, { status, headers }: PipelineResponse): void {
  span.setAttribute("http.status_code", status);
  const serviceRequestId = headers.get("x-ms-request-id");
  if (serviceRequestId) span.setAttribute("serviceRequestId", serviceRequestId);
  if (status >= 400) span.setStatus({ status: "error" });
  span.end();
}

function endWithError(span: TracingSpan, error: unknown): void {
  span.setStatus({ status: "error", error: error instanceof Error ? error : undefined });
  if (isRestError(error) && error.statusCode) span.setAttribute("http.status_code", error.statusCode);
  span.end();
}

/** Runs a step of tracing. An error in it must not prevent the request. */
function withoutHarm<T>(step: () => T): T | undefined {
  try {
    return step();
  } catch (error) {
    logger.warning(`A request is not traced: ${error instanceof Error ? error.message : "unknown"}`);
    return undefined;
  }
}
