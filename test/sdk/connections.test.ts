import { execFile } from "node:child_process";
import { once } from "node:events";
import { Agent, createServer } from "node:http";
import type { IncomingMessage, RequestListener, Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createDefaultHttpClient } from "@azure/core-rest-pipeline";
import { afterEach, describe, expect, it, vi } from "vitest";
import { BatchAIManagementClient, isRestError, tokenCredential } from "../../src/index.ts";
import type { BatchAIManagementClientOptions } from "../../src/index.ts";
import { until } from "../until.ts";
import { rejectionOf, workspacePath } from "./fixtures.ts";

const run = promisify(execFile);
const workspace = JSON.stringify({ id: workspacePath, name: "w", type: "Microsoft.BatchAI/workspaces" });

/** A server that counts its connections. */
interface CountingServer {
  readonly url: string;
  readonly connections: Set<Socket>;
  /** The largest number of connections at the same time. */
  readonly most: () => number;
}

const servers: Server[] = [];
afterEach(() => {
  vi.unstubAllEnvs();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(listener: RequestListener = (_, response) => response.end(workspace)): Promise<CountingServer> {
  const server = createServer(listener);
  const connections = new Set<Socket>();
  let most = 0;
  server.on("connection", (socket: Socket) => {
    connections.add(socket);
    most = Math.max(most, connections.size);
    socket.once("close", () => connections.delete(socket));
  });
  server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 });
  await once(server, "listening");
  servers.push(server);
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, connections, most: () => most };
}

function clientOf(endpoint: string, options: BatchAIManagementClientOptions = {}): BatchAIManagementClient {
  return new BatchAIManagementClient(tokenCredential("token"), "s", {
    endpoint,
    allowInsecureConnection: true,
    ...options,
  });
}

/** Answers requests only after `open` was called. */
function gate(): { readonly listener: RequestListener; readonly waiting: IncomingMessage[]; open(): void } {
  const waiting: IncomingMessage[] = [];
  const answers: (() => void)[] = [];
  let isOpen = false;
  return {
    waiting,
    listener: (request, response) => {
      waiting.push(request);
      const answer = (): unknown => response.end(workspace);
      if (isOpen) answer();
      else answers.push(answer);
    },
    open: () => {
      isOpen = true;
      for (const answer of answers.splice(0)) answer();
    },
  };
}

describe("the connections of a process", () => {
  it("to one host are at most 50, for 300 clients with a request each", async () => {
    const { listener, waiting, open } = gate();
    const server = await serve(listener);
    const calls = Array.from({ length: 300 }, () => clientOf(server.url).workspaces.get("g", "w"));
    await until("the first requests wait", () => waiting.length === 50);
    open();
    await Promise.all(calls);
    expect(server.most()).toBe(50);
  });

  it("are enough for 10,000 requests at once with 1,024 file descriptors", async () => {
    const server = await serve();
    const script = fileURLToPath(new URL("manyRequests.ts", import.meta.url));
    const command = `ulimit -n 1024 && exec "${process.execPath}" "${script}" ${server.url} 10000`;
    const { stdout } = await run("bash", ["-c", command]);
    expect(stdout.trim()).toBe("0");
    expect(server.most()).toBeLessThanOrEqual(50);
  });

  it("are those of the user's own agent or HTTP client, if there is one", async () => {
    const server = await serve();
    const agent = new Agent({ keepAlive: true, maxSockets: 2 });
    const own = clientOf(server.url, { agent });
    await Promise.all(Array.from({ length: 20 }, () => own.workspaces.get("g", "w")));
    expect(server.most()).toBe(2);
    await own.close();
    expect(server.connections.size).toBe(2);
    agent.destroy();

    let sent = 0;
    const core = createDefaultHttpClient();
    const httpClient: typeof core = {
      sendRequest: (request) => {
        sent += 1;
        expect(request.agent).toBeUndefined();
        return core.sendRequest(request);
      },
    };
    await clientOf(server.url, { httpClient }).workspaces.get("g", "w");
    expect(sent).toBe(1);
  });

  it("follow a redirect to another protocol, which needs another agent", async () => {
    // The target does not speak TLS: with the agent of the first request, nothing would be sent at all.
    const target = await serve();
    const location = target.url.replace("http:", "https:");
    const server = await serve((_, response) => response.writeHead(307, { location }).end());
    const redirectOptions = { allowCrossOriginRedirects: true };
    const client = clientOf(server.url, { redirectOptions, retryOptions: { maxRetries: 0 } });
    const read = client.jobs.readOutputFile("g", "w", "e", "j", "o", "f", { downloadUrl: `${server.url}/file?sig=x` });
    expect(await rejectionOf(read)).toMatchObject({ code: "EPROTO" });
  });

  it("with TLS settings belong to their client, and are closed with it", async () => {
    const server = await serve();
    const client = clientOf(server.url.replace("http:", "https:"), {
      tlsOptions: { ca: "none" },
      retryOptions: { maxRetries: 0 },
    });
    const agents = new Set<unknown>();
    client.pipeline.addPolicy(
      {
        name: "agents",
        sendRequest: async (request, next) => {
          const response = next(request);
          agents.add(request.agent);
          return response;
        },
      },
      { afterPhase: "Sign" },
    );
    for (let call = 0; call < 3; call++) await rejectionOf(client.workspaces.get("g", "w"));
    expect(agents.size).toBe(1);
    await client.close();
  });

  it("follow a redirect", async () => {
    const server = await serve((request, response) => {
      if (request.url?.includes("/moved/")) response.end(workspace);
      else response.writeHead(307, { location: `/moved${request.url ?? ""}` }).end();
    });
    await expect(clientOf(server.url).workspaces.get("g", "w")).resolves.toMatchObject({ name: "w" });
  });
});

describe("a closed client", () => {
  it("has closed its idle connections, and rejects what it is asked for", async () => {
    const server = await serve();
    const client = clientOf(server.url);
    await Promise.all(Array.from({ length: 5 }, () => client.workspaces.get("g", "w")));
    expect(server.connections.size).toBe(5);
    await client.close();
    await until("the connections are closed", () => server.connections.size === 0);
    const error = await rejectionOf(client.workspaces.get("g", "w"));
    expect(isRestError(error)).toBe(true);
    expect(error).toMatchObject({
      code: "ClientClosed",
      message: "workspaces.get: The client is closed. Create another client.",
    });
    await expect(client.workspaces.delete("g", "w")).rejects.toMatchObject({ code: "ClientClosed" });
    await client.close();
  });

  it("waited for the requests that were being sent", async () => {
    const { listener, waiting, open } = gate();
    const server = await serve(listener);
    const client = clientOf(server.url);
    const call = client.workspaces.get("g", "w");
    await until("the request waits", () => waiting.length === 1);
    let isClosed = false;
    const closing = Promise.all([client.close(), client.close()]).then(() => (isClosed = true));
    await expect(client.workspaces.get("g", "w")).rejects.toMatchObject({ code: "ClientClosed" });
    expect(isClosed).toBe(false);
    open();
    await expect(call).resolves.toMatchObject({ name: "w" });
    await closing;
    await until("the connection is closed", () => server.connections.size === 0);
  });

  it("leaves the connections to other hosts open", async () => {
    const [one, two] = [await serve(), await serve()];
    const [client, other] = [clientOf(one.url), clientOf(two.url)];
    await client.workspaces.get("g", "w");
    await other.workspaces.get("g", "w");
    await client.close();
    await until("the connection is closed", () => one.connections.size === 0);
    await other.workspaces.get("g", "w");
    expect([two.connections.size, two.most()]).toEqual([1, 1]);
  });

  it("does not disturb another client of the same service", async () => {
    const server = await serve();
    const other = clientOf(server.url);
    await other.workspaces.get("g", "w");
    const client = clientOf(server.url);
    const calls = Array.from({ length: 20 }, () => other.workspaces.get("g", "w"));
    await client.close();
    await expect(Promise.all(calls)).resolves.toHaveLength(20);
    await expect(other.workspaces.get("g", "w")).resolves.toMatchObject({ name: "w" });
  });

  it("is closed by `await using`", async () => {
    const server = await serve();
    let outside: BatchAIManagementClient;
    {
      // eslint-disable-next-line @typescript-eslint/await-thenable -- the rule does not see an inherited mapped member
      await using client = clientOf(server.url);
      await client.workspaces.get("g", "w");
      outside = client;
    }
    await expect(outside.workspaces.get("g", "w")).rejects.toMatchObject({ code: "ClientClosed" });
  });

  it("ends a wait at its next request", async () => {
    const { name, id, type } = JSON.parse(workspace) as Record<string, string>;
    const job = JSON.stringify({ name, id, type, properties: { executionState: "queued" } });
    let polls = 0;
    const server = await serve((_, response) => {
      polls += 1;
      response.end(job);
    });
    const client = clientOf(server.url);
    const wait = rejectionOf(client.jobs.waitForCompletion("g", "w", "e", "j", { updateIntervalInMs: 5 }));
    await until("it polls", () => polls > 1);
    await client.close();
    expect(await wait).toMatchObject({ code: "ClientClosed" });
  });
});
