import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { MockInstance } from "vitest";
import type { BatchAIManagementClient } from "../../src/index.ts";
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
