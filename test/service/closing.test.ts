import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Agent, request } from "node:http";
import { describe, expect, it } from "vitest";
import { armServer } from "../../src/service/arm/server.ts";
import type { ArmContext } from "../../src/service/arm/context.ts";
import { silentLogger } from "../../src/service/logger.ts";
import { BatchAIService } from "../../src/service/index.ts";
import { until } from "../until.ts";
import { ArmCaller } from "./arm.ts";
import { ServiceProcess, withFolder } from "./serviceProcess.ts";

const body = JSON.stringify({ location: "eastus" });

/** Sends the head of a request whose body has not come yet. */
async function beginRequest(arm: ArmCaller, name: string): Promise<{ socket: Socket; text: () => string }> {
  const { endpoint, token } = arm.connection;
  const { hostname, port, host } = new URL(endpoint);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  let received = "";
  socket.setEncoding("utf8").on("data", (text: string) => (received += text));
  socket.on("error", () => undefined);
  const path = `${arm.inSubscription(`/resourceGroups/${name}`)}?api-version=2021-04-01`;
  const head = [
    `PUT ${path} HTTP/1.1`,
    `Host: ${host}`,
    `Authorization: Bearer ${token}`,
    "Expect: 100-continue",
    `Content-Length: ${String(body.length)}`,
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  await until("the service waits for the body", () => received.includes("100 Continue"));
  return { socket, text: () => received };
}

describe("SIGTERM", () => {
  it("ends a service whose client never sends the body of its request, after the grace time", async () => {
    await withFolder(async (folder) => {
      const service = await ServiceProcess.start(folder, ["--grace-seconds", "1"]);
      const { socket } = await beginRequest(new ArmCaller(service.connection), "never");
      const closed = once(socket, "close");
      expect(await service.stop()).toBe(0);
      await closed;
    });
  });

  it("lets a request that is under way end in the grace time, and closes idle connections at once", async () => {
    await withFolder(async (folder) => {
      const service = await ServiceProcess.start(folder, ["--grace-seconds", "300"]);
      const arm = new ArmCaller(service.connection);
      const agent = new Agent({ keepAlive: true });
      const idle = request(`${service.connection.endpoint}/`, { agent });
      idle.end();
      const [answer] = (await once(idle, "response")) as [NodeJS.ReadableStream];
      answer.resume();
      await once(answer, "end");
      const { socket, text } = await beginRequest(arm, "late");
      const stopped = service.stop();
      if (idle.socket && !idle.socket.destroyed) await once(idle.socket, "close");
      socket.write(body);
      await until("the request is answered", () => text().includes("201 Created"));
      expect(await stopped).toBe(0);
      agent.destroy();
    });
  });

  it("ends the service at once the second time", async () => {
    await withFolder(async (folder) => {
      const service = await ServiceProcess.start(folder, ["--grace-seconds", "3000"]);
      await beginRequest(new ArmCaller(service.connection), "never");
      process.kill(service.pid, "SIGINT");
      await until("it closes", async () => !(await accepts(service)));
      expect(await service.stop("SIGINT")).toBe(null);
    });
  });
});

async function accepts(service: ServiceProcess): Promise<boolean> {
  return await fetch(service.connection.endpoint).then(
    () => true,
    () => false,
  );
}

it("an embedded service has the same limit, and refuses one that is none", async () => {
  await withFolder(async (dataDir) => {
    const service = await BatchAIService.start({ dataDir, graceInMs: 50 });
    await beginRequest(new ArmCaller(service.connection), "never");
    await service.close();
    await expect(BatchAIService.start({ dataDir, graceInMs: -1 })).rejects.toThrow(
      "graceInMs must be an integer from 0 to 2147483647, got -1.",
    );
  });
});

it("a body that never comes does not hold a connection for ever", () => {
  // Waiting for it would take minutes: Node.js looks at its connections every 30 seconds.
  const { server } = armServer({ logger: silentLogger } as ArmContext);
  expect(server.requestTimeout).toBe(60_000);
  expect(server.headersTimeout).toBeLessThanOrEqual(60_000);
  expect(server.timeout).toBe(120_000);
});
