import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { MockInstance } from "vitest";
import { AbortError, BatchAIManagementClient } from "../../src/index.ts";
import { collect, operationPath, pausesOf, promptly, quickClient, rejectionOf, turnsUntil } from "./fixtures.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function clientOf(answer: RequestListener): Promise<BatchAIManagementClient> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return quickClient({ endpoint: `http://127.0.0.1:${port}`, allowInsecureConnection: true });
}

/** A signal that counts its listeners. */
function countingSignal(controller: AbortController): { signal: AbortSignal; listeners: () => number } {
  const { signal } = controller;
  let count = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<AbortSignal["addEventListener"]>) => {
    count += 1;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<AbortSignal["removeEventListener"]>) => {
    count -= 1;
    remove(...args);
  };
  return { signal, listeners: () => count };
}

/** Waits until a pause of about 600 seconds has begun. */
async function hasPaused(timers: MockInstance<typeof setTimeout>): Promise<void> {
  await expect.poll(() => Math.max(...pausesOf(timers))).toBeGreaterThan(590_000);
}

/** Aborts a call; its rejection has to come promptly. */
async function abort(controller: AbortController, rejection: Promise<Error>): Promise<void> {
  controller.abort();
  expect(await turnsUntil(rejection)).toBeLessThan(promptly);
  expect((await rejection).name).toBe("AbortError");
}

describe("an abort signal ends the wait promptly", () => {
  it("for the headers of an answer", async () => {
    let asked = false;
    const client = await clientOf(() => (asked = true));
    const controller = new AbortController();
    const call = client.workspaces.get("g", "w", { abortSignal: controller.signal });
    await expect.poll(() => asked).toBe(true);
    await abort(controller, rejectionOf(call));
  });

  it("for the body of an answer", async () => {
    let asked = false;
    const client = await clientOf((_, response) => {
      response.writeHead(200, { "content-length": 1000 });
      response.write("{", () => (asked = true));
    });
    const controller = new AbortController();
    const call = collect(client.workspaces.list({ abortSignal: controller.signal }));
    await expect.poll(() => asked).toBe(true);
    await abort(controller, rejectionOf(call));
  });

  it("for the next attempt", async () => {
    let asked = 0;
    const client = await clientOf((_, response) => {
      asked += 1;
      response.writeHead(503, { "retry-after": "600" }).end();
    });
    const timers = vi.spyOn(globalThis, "setTimeout");
    const controller = new AbortController();
    const call = client.workspaces.get("g", "w", { abortSignal: controller.signal });
    await hasPaused(timers);
    await abort(controller, rejectionOf(call));
    expect(asked).toBe(1);
  });

  it.each(["updateIntervalInMs", "the service"])(
    "for the next poll, paced by %s; the operation goes on",
    async (by) => {
      const methods: (string | undefined)[] = [];
      const client = await clientOf((request, response) => {
        methods.push(request.method);
        response.setHeader("azure-asyncoperation", `http://${request.headers.host ?? ""}${operationPath}`);
        if (by === "the service") response.setHeader("retry-after", "600");
        response.statusCode = request.method === "DELETE" ? 202 : 200;
        response.end(request.method === "DELETE" ? "" : '{"status":"InProgress"}');
      });
      const controller = new AbortController();
      const { signal, listeners } = countingSignal(controller);
      const timers = vi.spyOn(globalThis, "setTimeout");
      const poller = client.jobs.delete("g", "w", "e", "j", { abortSignal: signal, updateIntervalInMs: 600_000 });
      const rejection = rejectionOf(poller);
      await hasPaused(timers);
      await abort(controller, rejection);
      expect(methods).toEqual(by === "the service" ? ["DELETE"] : ["DELETE", "GET"]);
      expect(poller.operationState?.status).toBe("running");
      await expect.poll(listeners).toBe(0);
      await expect(poller.serialize()).resolves.toContain(operationPath);
    },
  );

  it("before anything is sent", async () => {
    let asked = 0;
    const client = await clientOf(() => (asked += 1));
    const call = client.workspaces.get("g", "w", { abortSignal: AbortSignal.abort() });
    expect((await rejectionOf(call)).name).toBe("AbortError");
    expect(asked).toBe(0);
  });
});

describe("an aborted call rejects with the AbortError of this package", () => {
  const workspace = {
    id: "/subscriptions/s/resourceGroups/g/providers/Microsoft.BatchAI/workspaces/w",
    name: "w",
    type: "Microsoft.BatchAI/workspaces",
  };
  const reason = new Error("the user closed the window");

  const calls: [string, string, (client: BatchAIManagementClient, abortSignal: AbortSignal) => PromiseLike<unknown>][] =
    [
      ["get", "workspaces.get", (client, abortSignal) => client.workspaces.get("g", "w", { abortSignal })],
      ["update", "workspaces.update", (client, abortSignal) => client.workspaces.update("g", "w", {}, { abortSignal })],
      ["list", "workspaces.list", (client, abortSignal) => collect(client.workspaces.list({ abortSignal }))],
      ["poller", "workspaces.delete", (client, abortSignal) => client.workspaces.delete("g", "w", { abortSignal })],
      [
        "wait",
        "jobs.waitForCompletion",
        (client, abortSignal) => client.jobs.waitForCompletion("g", "w", "e", "j", { abortSignal }),
      ],
      [
        "stream",
        "jobs.streamOutputFile",
        (client, abortSignal) => client.jobs.streamOutputFile("g", "w", "e", "j", "o", "f", { abortSignal }).text(),
      ],
      [
        "part",
        "jobs.readOutputFile",
        (client, abortSignal) => client.jobs.readOutputFile("g", "w", "e", "j", "o", "f", { abortSignal }),
      ],
    ];

  it.each(calls)(
    "from a %s: with its operation and the reason, while a response is awaited",
    async (_, operation, call) => {
      const controller = new AbortController();
      const client = await clientOf(() => controller.abort(reason));
      const error = await rejectionOf(call(client, controller.signal));
      expect(error).toBeInstanceOf(AbortError);
      expect(error).toMatchObject({ name: "AbortError", operation, cause: reason });
      expect(error.message).toContain(operation);
    },
  );

  it.each(calls)("from a %s, between two attempts", async (_, operation, call) => {
    const client = await clientOf((_request, response) => response.writeHead(503, { "retry-after": "600" }).end());
    const timers = vi.spyOn(globalThis, "setTimeout");
    const controller = new AbortController();
    const rejection = rejectionOf(call(client, controller.signal));
    await hasPaused(timers);
    controller.abort(reason);
    expect(await rejection).toBeInstanceOf(AbortError);
    expect(await rejection).toMatchObject({ operation, cause: reason });
  });

  it.each(calls)("from a %s, before anything is sent", async (_, operation, call) => {
    let asked = 0;
    const client = await clientOf(() => (asked += 1));
    const error = await rejectionOf(call(client, AbortSignal.abort(reason)));
    expect(error).toBeInstanceOf(AbortError);
    expect(error).toMatchObject({ operation, cause: reason });
    expect(asked).toBe(0);
  });

  it.each([
    ["get", undefined],
    ["update", "The service may have received it, so check the resource."],
  ])("that names the resource, and what to check after a %s", async (method, advice) => {
    const controller = new AbortController();
    const client = await clientOf(() => controller.abort());
    const options = { abortSignal: controller.signal };
    const { workspaces } = client;
    const call = method === "get" ? workspaces.get("g", "w", options) : workspaces.update("g", "w", {}, options);
    const error = await rejectionOf(call);
    expect(error).toMatchObject({ resource: workspace.id });
    if (advice === undefined) expect(error.message).toBe("workspaces.get: the request was aborted.");
    else expect(error.message).toContain(advice);
  });

  it("although the credential ignores the signal", async () => {
    const controller = new AbortController();
    const credential = {
      getToken: () => {
        setImmediate(() => controller.abort());
        return new Promise<never>(() => undefined);
      },
    };
    const client = new BatchAIManagementClient(credential, "s");
    const error = await rejectionOf(client.workspaces.get("g", "w", { abortSignal: controller.signal }));
    expect(error).toBeInstanceOf(AbortError);
  });
});
