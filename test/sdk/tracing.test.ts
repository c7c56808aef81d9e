import { useInstrumenter } from "@azure/core-tracing";
import type { Instrumenter, TracingContext, TracingSpan } from "@azure/core-tracing";
import nock from "nock";
import { afterEach, describe, expect, it } from "vitest";
import { azureIsNock, quickClient, token, workspacePath } from "./fixtures.ts";

interface Span {
  readonly name: string;
  readonly parent: TracingContext | undefined;
  readonly attributes: Record<string, unknown>;
  status?: string;
}

const spans: Span[] = [];
const context: TracingContext = { setValue: () => context, getValue: () => undefined, deleteValue: () => context };

/** Takes notes in place of OpenTelemetry. */
const instrumenter: Instrumenter = {
  startSpan(name, options) {
    const noted: Span = { name, parent: options.tracingContext, attributes: { ...options.spanAttributes } };
    spans.push(noted);
    const span: TracingSpan = {
      setStatus: ({ status }) => (noted.status = status),
      setAttribute: (attribute, value) => (noted.attributes[attribute] = value),
      end: () => undefined,
      recordException: () => undefined,
      isRecording: () => true,
      addEvent: () => undefined,
    };
    return { span, tracingContext: context };
  },
  withContext: (_, callback, ...args) => callback(...args),
  parseTraceparentHeader: () => undefined,
  createRequestHeaders: () => ({ traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" }),
};

afterEach(() => {
  spans.length = 0;
  nock.cleanAll();
  nock.enableNetConnect();
});

describe("tracing", () => {
  it("makes a span of every attempt, below the context that the caller gave", async () => {
    useInstrumenter(instrumenter);
    const seen: (string | null)[] = [];
    const answers: [number, object][] = [
      [503, {}],
      [200, {}],
    ];
    azureIsNock()
      .get(workspacePath)
      .query(true)
      .times(2)
      .reply((request: Request) => {
        seen.push(request.headers.get("traceparent"));
        return answers.shift() ?? [500, {}];
      });
    const parent: TracingContext = { ...context };
    await quickClient().workspaces.get("g", "w", { tracingOptions: { tracingContext: parent } });
    expect(spans.map(({ name, status, attributes }) => [name, status, attributes["http.status_code"]])).toEqual([
      ["HTTP GET", "error", 503],
      ["HTTP GET", undefined, 200],
    ]);
    expect(spans.every((span) => span.parent === parent)).toBe(true);
    expect(seen).toEqual([expect.stringMatching(/^00-/), expect.stringMatching(/^00-/)]);
    expect(JSON.stringify(spans)).not.toContain(token);
  });
});
