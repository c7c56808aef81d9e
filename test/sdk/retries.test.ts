import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import nock from "nock";
import { afterEach, describe, expect, it, vi } from "vitest";
import { RestError, ValidationError } from "../../src/index.ts";
import {
  azure,
  azureIsNock,
  operationPath,
  pausesOf,
  quickClient,
  rejectionOf,
  workspaceBody,
  workspacePath,
  jobBody,
} from "./fixtures.ts";

afterEach(() => {
  vi.restoreAllMocks();
  nock.cleanAll();
  nock.enableNetConnect();
});

describe("a request is sent", () => {
  it.each([
    ["4 times", "500", 4, 500, {}],
    ["4 times", "503", 4, 503, {}],
    ["4 times", "429 with Retry-After", 4, 429, { "retry-after": "0" }],
    ["4 times", "503 with Retry-After", 4, 503, { "retry-after": "0" }],
    ["4 times", "503 with retry-after-ms", 4, 503, { "retry-after-ms": "1" }],
    ["4 times", "429 without Retry-After", 4, 429, {}],
    ["once", "409", 1, 409, {}],
    ["once", "501", 1, 501, {}],
  ])("%s when the answer is %s", async (_, __, times, status, headers) => {
    const ids: unknown[] = [];
    azureIsNock()
      .put(workspacePath)
      .query(true)
      .times(10)
      .reply((request: Request) => {
        ids.push(request.headers.get("x-ms-client-request-id"));
        return [status, { error: { code: "Busy", message: "busy" } }, headers];
      });
    await expect(quickClient().workspaces.create("g", "w", { location: "l" })).rejects.toMatchObject({ code: "Busy" });
    expect(ids).toHaveLength(times);
    expect(new Set(ids).size).toBe(1);
  });

  it("again after the connection was reset, and then succeeds", async () => {
    const reset = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
    azureIsNock().get(workspacePath).query(true).times(2).replyWithError(reset);
    azureIsNock().get(workspacePath).query(true).reply(200, workspaceBody);
    await expect(quickClient().workspaces.get("g", "w")).resolves.toEqual(workspaceBody);
  });

  it("as often as the client's options say", async () => {
    azureIsNock().get(workspacePath).query(true).times(2).reply(500, {});
    const client = quickClient({ retryOptions: { maxRetries: 1, retryDelayInMs: 1 } });
    await expect(client.workspaces.get("g", "w")).rejects.toMatchObject({ statusCode: 500 });
    expect(nock.isDone()).toBe(true);
  });

  it.each([
    ["twice", { maxRetries: 1 }, 2],
    ["once", { maxRetries: 0 }, 1],
  ])("%s when the options of the call say so", async (_, requestOptions, times) => {
    azureIsNock().get(workspacePath).query(true).times(times).reply(500, {});
    const call = quickClient().workspaces.get("g", "w", { requestOptions });
    await expect(call).rejects.toMatchObject({ statusCode: 500 });
    expect(nock.isDone()).toBe(true);
  });

  it.each([
    ["EPIPE", 4],
    ["EAI_AGAIN", 4],
    ["CERT_HAS_EXPIRED", 1],
  ])("after %s: %i times", async (code, times) => {
    let sent = 0;
    const failing = (): Error => {
      sent += 1;
      return Object.assign(new Error(code), { code });
    };
    const httpClient = { sendRequest: () => Promise.reject(new RestError(code, { code: failing().message })) };
    const error = await rejectionOf(quickClient({ httpClient }).workspaces.get("g", "w"));
    expect(error).toMatchObject({ code });
    expect(sent).toBe(times);
  });

  it("once when the service asks for a longer pause than allowed, and the error says how long", async () => {
    azureIsNock()
      .get(workspacePath)
      .query(true)
      .reply(429, { error: { code: "TooManyRequests", message: "Too many." } }, { "retry-after": "86400" });
    const error = await rejectionOf(quickClient().workspaces.get("g", "w"));
    expect(error.message).toContain("Too many. Retry after 86400 s.");
    expect(error).toMatchObject({ code: "TooManyRequests", details: { retryAfterInMs: 86_400_000 } });
    expect(nock.isDone()).toBe(true);
  });

  it("again after a pause that the options allow", async () => {
    azureIsNock().get(workspacePath).query(true).reply(503, {}, { "retry-after-ms": "30" });
    azureIsNock().get(workspacePath).query(true).reply(200, workspaceBody);
    const timers = vi.spyOn(globalThis, "setTimeout");
    await quickClient({ maxRetryAfterInMs: 30 }).workspaces.get("g", "w");
    expect(pausesOf(timers)).toContain(30);
    azureIsNock().get(workspacePath).query(true).reply(503, {}, { "retry-after-ms": "30" });
    const requestOptions = { maxRetryAfterInMs: 29 };
    const call = quickClient({ maxRetryAfterInMs: 30 }).workspaces.get("g", "w", { requestOptions });
    await expect(call).rejects.toMatchObject({ statusCode: 503 });
  });
});

describe("the download of a part", () => {
  it("has the same number of retries, whatever fails", async () => {
    const answers = [
      (response: ServerResponse) => response.writeHead(503).end(),
      (response: ServerResponse) =>
        response.writeHead(206, { "content-length": 10 }).write("x", () => response.destroy()),
      (response: ServerResponse) => response.writeHead(500).end(),
      (response: ServerResponse) => response.writeHead(503).end(),
    ];
    let requests = 0;
    const server = createServer((_, response) => answers[requests++]?.(response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const client = quickClient({ endpoint, allowInsecureConnection: true });
      const options = { downloadUrl: `${endpoint}/file?sig=x`, requestOptions: { maxRetries: 2, timeout: 60_000 } };
      const error = await rejectionOf(client.jobs.readOutputFile("g", "w", "e", "j", "o", "f", options));
      expect(error).toMatchObject({ statusCode: 500 });
      expect(requests).toBe(3);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});

describe("options", () => {
  it("of another package that would lead to another service are refused", () => {
    expect(() => quickClient({ baseUri: "http://127.0.0.1" } as object)).toThrow(
      "options.baseUri: is named `endpoint`",
    );
  });

  it.each([Number.POSITIVE_INFINITY, 2 ** 31, 1500.5])("take a time limit of %d ms as it is meant", async (timeout) => {
    const server = createServer((_, response) => response.end(JSON.stringify(workspaceBody)));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const client = quickClient({ endpoint, allowInsecureConnection: true });
      const requestOptions = { timeout };
      await expect(client.workspaces.get("g", "w", { requestOptions })).resolves.toMatchObject({ name: "w" });
      const options = { downloadUrl: `${endpoint}/file?sig=x`, requestOptions };
      const { content } = await client.jobs.readOutputFile("g", "w", "e", "j", "o", "f", options);
      expect(content.length).toBeGreaterThan(0);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it.each([
    [{ maxRetryAfterInMs: -1 }, "options.maxRetryAfterInMs: must be a number of at least 0, got -1"],
    [
      { retryOptions: { maxRetries: Number.NaN } },
      "options.retryOptions.maxRetries: must be a number of at least 0, got NaN",
    ],
  ])("of the client are checked: %j", (options, message) => {
    expect(() => quickClient(options)).toThrow(new TypeError(message));
  });

  it.each([
    [
      { requestOptions: { maxRetries: 5n } },
      "options.requestOptions.maxRetries: must be a number of at least 0, got 5",
    ],
    [{ requestOptions: { timeout: "1" } }, 'options.requestOptions.timeout: must be a number of at least 0, got "1"'],
    [{ updateIntervalInMs: -1 }, "options.updateIntervalInMs: must be a number of at least 0, got -1"],
    [{ abortSignal: { aborted: false } }, "options.abortSignal: must be an AbortSignal"],
    [{ abortSignal: new AbortController() }, "options.abortSignal: must be an AbortSignal"],
  ])("of a method are checked: %o", async (options, message) => {
    const client = quickClient();
    for (const [operation, call] of [
      ["workspaces.get", () => client.workspaces.get("g", "w", options as object)],
      ["jobs.waitForCompletion", () => client.jobs.waitForCompletion("g", "w", "e", "j", options as object)],
      ["workspaces.delete", () => client.workspaces.delete("g", "w", options as object)],
    ] as const) {
      const error = await rejectionOf(call());
      expect(error).toBeInstanceOf(ValidationError);
      expect(error.message).toContain(`${operation}: ${message}`);
    }
  });
});

describe("a clock that is off", () => {
  const days = 86_400_000;
  const offsets: [string, number][] = [
    ["an hour behind", -days / 24],
    ["a day behind", -days],
    ["a year behind", -365 * days],
    ["an hour ahead", days / 24],
    ["a day ahead", days],
    ["a year ahead", 365 * days],
  ];
  const seconds = (time: number): string => new Date(Math.floor(time / 1000) * 1000).toUTCString();
  /** Headers of a service whose clock differs from ours, and that asks to come back after a second by its clock. */
  const headers = (offset: number, withDate: boolean): Record<string, string> => {
    const now = Date.now() - offset;
    return { ...(withDate ? { date: seconds(now) } : {}), "retry-after": seconds(now + 1000) };
  };

  it.each(offsets)("%s: a retry pauses as long as the service asks", async (_, offset) => {
    for (const [withDate, expected] of [
      [true, 1000],
      [false, 5],
    ] as const) {
      azureIsNock().get(workspacePath).query(true).reply(503, {}, headers(offset, withDate));
      azureIsNock().get(workspacePath).query(true).reply(200, workspaceBody);
      const timers = vi.spyOn(globalThis, "setTimeout");
      await quickClient({ retryOptions: { retryDelayInMs: 5, maxRetryDelayInMs: 5 } }).workspaces.get("g", "w");
      const longest = Math.max(...pausesOf(timers));
      timers.mockRestore();
      expect(longest).toBeGreaterThan(expected / 2 - 1);
      expect(longest).toBeLessThanOrEqual(expected);
    }
  });

  it.each(offsets)("%s: a poller and a wait pause as long as the service asks", async (_, offset) => {
    for (const [withDate, expected] of [
      [true, 1000],
      [false, 30],
    ] as const) {
      const location = { "azure-asyncoperation": `${azure}${operationPath}` };
      azureIsNock()
        .delete(workspacePath)
        .query(true)
        .reply(202, "", { ...location, "retry-after-ms": "1" });
      azureIsNock().get(operationPath).query(true).reply(200, { status: "InProgress" }, headers(offset, withDate));
      azureIsNock().get(operationPath).query(true).reply(200, { status: "Succeeded" });
      const jobPath = `${workspacePath}/experiments/e/jobs/j`;
      const queued = { ...jobBody, properties: { executionState: "queued" } };
      azureIsNock().get(jobPath).query(true).reply(200, queued, headers(offset, withDate));
      azureIsNock()
        .get(jobPath)
        .query(true)
        .reply(200, { ...jobBody, properties: { executionState: "succeeded" } });
      const options = { updateIntervalInMs: 30 };
      const timers = vi.spyOn(globalThis, "setTimeout");
      const before = performance.now();
      await Promise.all([
        quickClient().workspaces.delete("g", "w", options),
        quickClient().jobs.waitForCompletion("g", "w", "e", "j", options),
      ]);
      const longest = Math.max(...pausesOf(timers));
      timers.mockRestore();
      expect(performance.now() - before).toBeGreaterThan(expected - 5);
      expect(longest).toBeLessThanOrEqual(expected);
    }
  });

  it("does not let a service that asks for no pause be polled without one", async () => {
    const times: number[] = [];
    const location = { "azure-asyncoperation": `${azure}${operationPath}` };
    azureIsNock().delete(workspacePath).query(true).reply(202, "", location);
    azureIsNock()
      .get(operationPath)
      .query(true)
      .times(4)
      .reply(() => {
        times.push(performance.now());
        return [200, { status: times.length < 4 ? "InProgress" : "Succeeded" }, { "retry-after": "0" }];
      });
    await quickClient().workspaces.delete("g", "w");
    const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(pauses).toHaveLength(3);
    expect(Math.min(...pauses)).toBeGreaterThan(95);
  });

  it.each([
    ["0.0001 s", { "retry-after": "0.0001" }, undefined],
    ["0.001 ms", { "retry-after-ms": "0.001" }, undefined],
    ["5 s, of which the options allow nothing", { "retry-after": "5" }, { maxRetryAfterInMs: 0 }],
  ])("does not poll without a pause if the service asks for %s", async (_, asked, requestOptions) => {
    const times: number[] = [];
    azureIsNock()
      .delete(workspacePath)
      .query(true)
      .reply(202, "", { "azure-asyncoperation": `${azure}${operationPath}` });
    azureIsNock()
      .get(operationPath)
      .query(true)
      .times(3)
      .reply(() => {
        times.push(performance.now());
        return [200, { status: times.length < 3 ? "InProgress" : "Succeeded" }, asked as Record<string, string>];
      });
    await quickClient().workspaces.delete("g", "w", { requestOptions });
    const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(pauses).toHaveLength(2);
    expect(Math.min(...pauses)).toBeGreaterThan(95);
  });

  it("polls again after the longest pause, although the service asks for days", async () => {
    const location = { "azure-asyncoperation": `${azure}${operationPath}` };
    azureIsNock()
      .delete(workspacePath)
      .query(true)
      .reply(202, "", { ...location, "retry-after": "259200" });
    azureIsNock().get(operationPath).query(true).reply(200, { status: "Succeeded" });
    const timers = vi.spyOn(globalThis, "setTimeout");
    await quickClient().workspaces.delete("g", "w", { requestOptions: { maxRetryAfterInMs: 20 } });
    expect(Math.max(...pausesOf(timers))).toBeLessThanOrEqual(20);
  });
});
