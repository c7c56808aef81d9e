import { AsyncLocalStorage } from "node:async_hooks";
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tracingPolicy, tracingPolicyName } from "@azure/core-rest-pipeline";
import { useInstrumenter } from "@azure/core-tracing";
import type { Instrumenter, SpanStatus, TracingContext } from "@azure/core-tracing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { packageVersion } from "../../src/http/version.ts";
import type { BatchAIManagementClient, BatchAIManagementClientOptions } from "../../src/index.ts";
import { collect, quickClient, rejectionOf, token, workspaceBody, workspacePath } from "./fixtures.ts";

/** What a real context does: holds values, and never changes. */
class Context implements TracingContext {
  readonly #values: ReadonlyMap<symbol, unknown>;

  constructor(values: Iterable<[symbol, unknown]> = []) {
    this.#values = new Map(values);
  }

  getValue(key: symbol): unknown {
    return this.#values.get(key);
  }

  setValue(key: symbol, value: unknown): TracingContext {
    return new Context([...this.#values, [key, value]]);
  }

  deleteValue(key: symbol): TracingContext {
    return new Context([...this.#values].filter(([present]) => present !== key));
  }
}

interface Span {
  readonly id: string;
  readonly name: string;
  readonly kind: string | undefined;
  readonly madeBy: string;
  readonly parent: unknown;
  readonly attributes: Record<string, unknown>;
  readonly statuses: SpanStatus[];
  ends: number;
}

const spanKey = Symbol("span");
const active = new AsyncLocalStorage<TracingContext>();
const spans: Span[] = [];
let isRecording: boolean;
let breaks: keyof Instrumenter | undefined;

/** Traces as OpenTelemetry does: with an active context that follows asynchronous calls, and one header. */
const instrumenter: Instrumenter = {
  startSpan(name, { spanKind, packageName, packageVersion: version, spanAttributes, tracingContext }) {
    if (breaks === "startSpan") throw new Error("no spans today");
    const parent = tracingContext ?? active.getStore() ?? new Context();
    const span: Span = {
      id: String(spans.length + 1).padStart(16, "0"),
      name,
      kind: spanKind,
      madeBy: `${packageName} ${version ?? ""}`,
      parent: parent.getValue(spanKey),
      attributes: { ...spanAttributes },
      statuses: [],
      ends: 0,
    };
    spans.push(span);
    return {
      span: {
        isRecording: () => isRecording,
        setAttribute: (attribute, value) => (span.attributes[attribute] = value),
        setStatus: (status) => span.statuses.push(status),
        recordException: () => undefined,
        end: () => span.ends++,
      },
      tracingContext: parent.setValue(spanKey, span.id),
    };
  },
  withContext: (context, callback, ...args) => active.run(context, () => callback(...args)),
  parseTraceparentHeader: () => undefined,
  createRequestHeaders(context) {
    if (breaks === "createRequestHeaders") throw new Error("no headers today");
    return { traceparent: traceparentOf(context?.getValue(spanKey)) };
  },
};

const traceparentOf = (id: unknown): string => `00-0af7651916cd43dd8448eb211c80319c-${String(id)}-01`;

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const answered = (status: number, body: object, headers: Record<string, string> = {}): Answer => {
  return (_, response) => response.writeHead(status, headers).end(JSON.stringify(body));
};

/** What the service got; it answers by turns, and with the last answer from then on. */
const requests: IncomingMessage[] = [];
let answers: Answer[];
let address: string;

beforeEach(async () => {
  isRecording = true;
  breaks = undefined;
  answers = [answered(200, workspaceBody)];
  useInstrumenter(instrumenter);
  const service = createServer((request, response) => {
    requests.push(request);
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    answer?.(request, response);
  }).listen(0, "127.0.0.1");
  await once(service, "listening");
  address = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
  return async () => {
    service.close().closeAllConnections();
    await once(service, "close");
  };
});

afterEach(() => {
  spans.length = 0;
  requests.length = 0;
});

function tracedClient(options: BatchAIManagementClientOptions = {}): BatchAIManagementClient {
  return quickClient({ endpoint: address, allowInsecureConnection: true, ...options });
}

const below = (id: string) => ({ tracingOptions: { tracingContext: new Context([[spanKey, id]]) } });

describe("tracing", () => {
  it("makes a span of every attempt, below the context that the caller gave, and tells the service", async () => {
    answers.unshift(answered(503, {}, { "x-ms-request-id": "by-the-service" }));
    await tracedClient().workspaces.get("g", "w", below("caller"));
    const [first, second] = requests;
    const common = {
      "http.url": `${address}${workspacePath}?api-version=2018-05-01`,
      "http.method": "GET",
      "http.user_agent": first?.headers["user-agent"],
      requestId: first?.headers["x-ms-client-request-id"],
      "az.namespace": "Microsoft.BatchAI",
    };
    const span = { name: "HTTP GET", kind: "client", madeBy: `batchai ${packageVersion}`, parent: "caller", ends: 1 };
    const failed = { ...common, "http.status_code": 503, serviceRequestId: "by-the-service" };
    expect(spans).toEqual([
      { ...span, id: "0000000000000001", attributes: failed, statuses: [{ status: "error" }] },
      { ...span, id: "0000000000000002", attributes: { ...common, "http.status_code": 200 }, statuses: [] },
    ]);
    expect(common["http.user_agent"]).toContain("batchai/");
    expect(common.requestId).toMatch(/^[-\da-f]{36}$/);
    expect([first, second].map((request) => request?.headers.traceparent)).toEqual(
      spans.map(({ id }) => traceparentOf(id)),
    );
  });

  it("takes the active context where the caller gives none, and makes the span active while it sends", async () => {
    const seen: unknown[] = [];
    const policy: Required<BatchAIManagementClientOptions>["additionalPolicies"][number]["policy"] = {
      name: "looksAtTheContext",
      sendRequest(request, next) {
        seen.push(active.getStore()?.getValue(spanKey));
        return next(request);
      },
    };
    const client = tracedClient({ additionalPolicies: [{ policy, position: "perRetry" }] });
    await active.run(new Context([[spanKey, "around"]]), () => client.workspaces.get("g", "w"));
    expect(spans.map(({ parent }) => parent)).toEqual(["around"]);
    expect(seen).toEqual([spans[0]?.id]);
  });

  it("puts a redirect into the span of the request", async () => {
    answers.unshift(answered(307, {}, { location: `${workspacePath}?api-version=2018-05-01&again=1` }));
    await tracedClient().workspaces.get("g", "w");
    expect(spans.map(({ attributes }) => attributes["http.status_code"])).toEqual([200]);
    expect(requests.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${token}`, `Bearer ${token}`]);
  });

  it("records what broke the network", async () => {
    answers = [(_, response) => response.destroy()];
    const error = await rejectionOf(tracedClient({ retryOptions: { maxRetries: 1 } }).workspaces.get("g", "w"));
    expect(spans).toHaveLength(2);
    for (const { statuses, ends, attributes } of spans) {
      expect(statuses).toEqual([{ status: "error", error: expect.objectContaining({ code: "ECONNRESET" }) as Error }]);
      expect(ends).toBe(1);
      expect(attributes).not.toHaveProperty("http.status_code");
    }
    expect(error).toMatchObject({ code: "ECONNRESET" });
  });

  it("shows queries that hold no secret, and of others the name", async () => {
    const nextLink = `${address}/subscriptions/s/next?api-version=2018-05-01&MaxResults=2&$skiptoken=secret&mine=7`;
    answers = [answered(200, { value: [], nextLink }), answered(200, { value: [] })];
    const client = tracedClient({ loggingOptions: { additionalAllowedQueryParameters: ["Mine"] } });
    await collect(client.workspaces.list());
    const [, page] = spans.map(({ attributes }) => new URL(String(attributes["http.url"])).searchParams);
    expect(Object.fromEntries(page ?? [])).toEqual({
      "api-version": "2018-05-01",
      MaxResults: "2",
      $skiptoken: "REDACTED",
      mine: "7",
    });
    expect(requests[1]?.url).toContain("$skiptoken=secret");
  });

  it("has the download of a file below the same context, without the signature of its link", async () => {
    answers = [(_, response) => response.writeHead(206, { "content-range": "bytes 0-3/4" }).end("text")];
    const link = { downloadUrl: `${address}/share/out.txt?sv=2018&sig=secret`, ...below("caller") };
    const part = await tracedClient().jobs.readOutputFile("g", "w", "e", "j", "out", "out.txt", link);
    expect(new TextDecoder().decode(part.content)).toBe("text");
    expect(requests[0]?.url).toContain("sig=secret");
    expect(requests[0]?.headers.traceparent).toBe(traceparentOf(spans[0]?.id));
    expect(spans.map(({ parent, attributes }) => [parent, attributes["http.url"]])).toEqual([
      ["caller", `${address}/share/out.txt?sv=REDACTED&sig=REDACTED`],
    ]);
  });

  it("holds no token", async () => {
    answers.unshift(answered(500, {}), (_, response) => response.destroy());
    await tracedClient().workspaces.get("g", "w");
    expect(spans).toHaveLength(3);
    expect(JSON.stringify(spans)).not.toContain(token);
  });

  it("tells the service nothing of spans that nobody records", async () => {
    isRecording = false;
    await tracedClient().workspaces.get("g", "w");
    expect(requests.map(({ headers }) => headers.traceparent)).toEqual([undefined]);
    expect(spans.map(({ ends, statuses }) => [ends, statuses])).toEqual([[1, []]]);
  });

  it.each(["startSpan", "createRequestHeaders"] as const)("that fails (%s) does not stop the request", async (what) => {
    breaks = what;
    await expect(tracedClient().workspaces.get("g", "w")).resolves.toEqual(workspaceBody);
  });
});

// A new version of core that traces something else is to be noticed.
describe("tracing compared with that of @azure/core-rest-pipeline", () => {
  const queries = "api-version=2018-05-01&maxresults=2&sig=a%20secret&sig=another&expires=later&bare";

  it.each<[string, Answer[], number]>([
    ["an answer", [answered(200, { value: [] }, { "x-ms-request-id": "r" })], 1],
    ["an error", [answered(409, {}, { "x-ms-request-id": "r" })], 1],
    ["attempts", [answered(503, {}), answered(500, {}), answered(200, { value: [] })], 3],
    ["a lost connection", [(_, response) => response.destroy()], 4],
  ])("%s makes the same spans", async (_, given, attempts) => {
    const list = async (client: BatchAIManagementClient): Promise<unknown[]> => {
      answers = [answered(200, { value: [], nextLink: `${address}/page?${queries}` }), ...given];
      spans.length = 0;
      await collect(client.workspaces.list()).catch(() => undefined);
      return spans.slice(1).map(({ attributes: { requestId, "az.namespace": namespace, ...attributes }, ...span }) => {
        const { madeBy, statuses, ...rest } = span;
        expect([typeof requestId, typeof namespace, typeof madeBy]).toEqual(["string", "string", "string"]);
        return { ...rest, attributes, statuses: statuses.map((each) => JSON.stringify(each)) };
      });
    };
    const client = tracedClient();
    const ours = await list(client);
    const userAgentPrefix = `batchai/${packageVersion}`;
    client.pipeline.removePolicy({ name: tracingPolicyName });
    client.pipeline.addPolicy(tracingPolicy({ userAgentPrefix, additionalAllowedQueryParameters: ["maxresults"] }), {
      afterPhase: "Retry",
    });
    expect(await list(client)).toEqual(ours);
    expect(ours).toHaveLength(attempts);
  });
});
