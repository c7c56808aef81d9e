import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { environmentVariableOf, readProcesses } from "../../src/ground/processTable.ts";

/** What happens to a request. */
export type Misbehavior =
  /** It is carried out, and its response is lost. */
  | "lose the response"
  /** It never arrives. */
  | "lose the request"
  /** It is never carried out, and its connection stays. */
  | "hang"
  /** It is not carried out, and the response has this body. */
  | { readonly status: number; readonly body: string }
  /** It is refused. */
  | { readonly status: number; readonly message: string };

/** A container that is a process of this machine. */
export interface FakeContainer {
  readonly id: string;
  name: string;
  readonly body: CreateBody;
  created: number;
  state: "created" | "running" | "exited";
  exitCode: number;
  oomKilled: boolean;
  /** Whether podman was killed while it removed the container. */
  isHalfRemoved?: boolean;
  process?: ChildProcess;
}

interface CreateBody {
  readonly Image: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly Labels: Readonly<Record<string, string>>;
  readonly HostConfig: Readonly<Record<string, unknown>>;
}

/** A pull: the test writes its lines and ends it. */
export interface FakePull {
  readonly image: string;
  readonly authorization: string | undefined;
  write(line: object): void;
  end(): void;
  isCancelled(): boolean;
}

interface Reply {
  readonly status: number;
  readonly body?: unknown;
}

/**
 * A container engine without containers: their processes run on this machine. Every request can be lost, which real
 * engines do too seldom for tests.
 */
export class FakeDaemon {
  readonly address: string;
  /** Requests that have arrived, such as `POST /containers/create`. */
  readonly calls: string[] = [];
  readonly containers = new Map<string, FakeContainer>();
  /** Images and their variables. */
  readonly images = new Map<string, readonly string[]>([["test/image:1", ["PATH=/usr/local/bin:/usr/bin:/bin"]]]);
  readonly pulls: FakePull[] = [];
  /** Response to `GET /version`. */
  version: object = { Version: "28.0.0", ApiVersion: "1.48", MinAPIVersion: "1.24" };
  /** Whether inspections show the GPUs that were asked for. */
  grantsGpus = true;
  readonly #socket: string;
  readonly #misbehaviors: { readonly pattern: RegExp; readonly how: Misbehavior; times: number }[] = [];
  #server: Server | undefined;

  constructor(folder: string) {
    this.#socket = join(folder, "daemon.sock");
    this.address = `unix://${this.#socket}`;
  }

  async listen(): Promise<void> {
    rmSync(this.#socket, { force: true });
    this.#server = createServer((request, response) => void this.#respond(request, response));
    this.#server.listen(this.#socket);
    await once(this.#server, "listening");
  }

  /** Ends the engine; containers continue. */
  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }

  /** Ends the engine and all containers. */
  async close(): Promise<void> {
    await this.kill();
    for (const container of this.containers.values()) this.#end(container, "SIGKILL");
  }

  /** Has requests misbehave that match. */
  misbehave(pattern: RegExp, how: Misbehavior, times = 1): void {
    this.#misbehaviors.push({ pattern, how, times });
  }

  /** The only container. */
  get container(): FakeContainer {
    const [container] = this.containers.values();
    if (!container || this.containers.size > 1) throw new Error(`${String(this.containers.size)} containers`);
    return container;
  }

  /** Kills all processes of a container, as `docker kill` does. */
  killContainer(container: FakeContainer): void {
    this.#end(container, "SIGKILL");
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "", "http://daemon");
    const path = decodeURIComponent(url.pathname).replace(/^\/v\d+\.\d+/, "");
    const call = `${request.method ?? ""} ${path}`;
    const sent = await text(request);
    this.calls.push(call);
    const misbehavior = this.#misbehaviors.find(({ pattern, times }) => times > 0 && pattern.test(call));
    if (misbehavior) misbehavior.times -= 1;
    const how = misbehavior?.how;
    if (how === "lose the request") {
      request.socket.destroy();
      return;
    }
    if (how === "hang") return;
    if (typeof how === "object") {
      if ("body" in how) response.writeHead(how.status).end(how.body);
      else send(response, { status: how.status, body: { message: how.message } });
      return;
    }
    if (call === "POST /images/create") {
      this.#pull(url.searchParams.get("fromImage") ?? "", request, response);
      return;
    }
    const reply = await this.#carryOut(call, url.searchParams, sent === "" ? undefined : (JSON.parse(sent) as unknown));
    if (how === "lose the response") request.socket.destroy();
    else send(response, reply);
  }

  async #carryOut(call: string, query: URLSearchParams, body: unknown): Promise<Reply> {
    if (call === "GET /version") return { status: 200, body: this.version };
    if (call === "GET /info") return { status: 200, body: { SecurityOptions: ["name=seccomp"] } };
    const [, image] = /^GET \/images\/(.*)\/json$/.exec(call) ?? [];
    if (image !== undefined) {
      const Env = this.images.get(image);
      return Env ? { status: 200, body: { Config: { Env } } } : notFound(`No such image: ${image}`);
    }
    if (call === "POST /containers/create") return this.#create(query.get("name") ?? "", body as CreateBody);
    if (call === "GET /containers/json") return this.#list(query.get("filters") ?? "{}");
    if (call === "GET /libpod/containers/json") return this.#listOfPodman(query.get("filters") ?? "{}");
    const [, exec] = /^POST \/exec\/(.*)\/start$/.exec(call) ?? [];
    const [, name = exec ?? "", action = "exec start"] = /^\w+ \/containers\/([^/]+)(?:\/(\w+))?$/.exec(call) ?? [];
    const container = [...this.containers.values()].find(({ id, ...each }) => id === name || each.name === name);
    if (!container) return notFound(`No such container: ${name}`);
    if (call.startsWith("DELETE ")) {
      this.#end(container, "SIGKILL");
      this.containers.delete(container.id);
      return { status: 204 };
    }
    return this.#act(container, action);
  }

  async #act(container: FakeContainer, action: string): Promise<Reply> {
    if (container.isHalfRemoved) return notInStore(container);
    if (action === "json") return { status: 200, body: this.#inspect(container) };
    if (action === "start") return this.#start(container);
    if (action === "exec") return { status: 201, body: { Id: container.id } };
    if (action === "exec start") this.#end(container, "SIGTERM");
    if (action === "kill") this.#end(container, "SIGKILL");
    if (action === "wait" && container.state === "running" && container.process) await once(container.process, "exit");
    return { status: 200, body: { StatusCode: container.exitCode } };
  }

  #create(name: string, body: CreateBody): Reply {
    if ([...this.containers.values()].some((container) => container.name === name)) {
      return { status: 409, body: { message: `Conflict. The container name "/${name}" is already in use` } };
    }
    const id = randomBytes(8).toString("hex");
    const created = Date.now() / 1000;
    const state = { state: "created", exitCode: 0, oomKilled: false } as const;
    this.containers.set(id, { id, name, body, created, ...state });
    return { status: 201, body: { Id: id } };
  }

  #start(container: FakeContainer): Reply {
    if (container.state === "running") return { status: 304 };
    const [program = "", ...fixed] = container.body.Entrypoint;
    const variables = [...(this.images.get(container.body.Image) ?? []), ...container.body.Env];
    const env = Object.fromEntries(variables.map((pair) => pair.split(/=(.*)/s).slice(0, 2) as [string, string]));
    const started = spawn(program, [...fixed, ...container.body.Cmd], {
      env,
      stdio: "ignore",
      detached: true,
      cwd: "/",
    });
    container.process = started;
    container.state = "running";
    started.once("exit", (code, signal) => {
      container.state = "exited";
      container.exitCode = code ?? (signal === "SIGKILL" ? 137 : 143);
      this.#end(container, "SIGKILL"); // A process namespace ends with its first process.
    });
    return { status: 204 };
  }

  #list(filters: string): Reply {
    const listed = this.#withLabels(filters);
    const broken = listed.find(({ isHalfRemoved }) => isHalfRemoved);
    if (broken) return notInStore(broken);
    const body = listed.map(({ id, state, created, body: { Labels } }) => ({
      Id: id,
      State: state,
      Created: Math.floor(created),
      Labels,
    }));
    return { status: 200, body };
  }

  #listOfPodman(filters: string): Reply {
    const body = this.#withLabels(filters).map(({ id, state, created, body: { Labels } }) => {
      return { Id: id, State: state, Created: new Date(created * 1000).toISOString(), Labels };
    });
    return { status: 200, body };
  }

  #withLabels(filters: string): FakeContainer[] {
    const { label = [] } = JSON.parse(filters) as { label?: string[] };
    return [...this.containers.values()].filter(({ body: { Labels } }) =>
      label.every((wanted) => Object.entries(Labels).some(([name, value]) => wanted === `${name}=${value}`)),
    );
  }

  #inspect({ id, state, exitCode, oomKilled, body }: FakeContainer): object {
    const StartedAt = state === "created" ? "0001-01-01T00:00:00Z" : new Date().toISOString();
    const HostConfig = this.grantsGpus ? body.HostConfig : { ...body.HostConfig, DeviceRequests: [] };
    return {
      Id: id,
      State: { Status: state, ExitCode: exitCode, OOMKilled: oomKilled, StartedAt, Error: "" },
      Config: body,
      HostConfig,
    };
  }

  #pull(image: string, request: IncomingMessage, response: ServerResponse): void {
    let isCancelled = false;
    response.once("close", () => {
      isCancelled = !response.writableEnded;
    });
    response.writeHead(200).flushHeaders();
    const authorization = request.headers["x-registry-auth"];
    this.pulls.push({
      image,
      authorization: typeof authorization === "string" ? authorization : undefined,
      write: (line) => response.write(`${JSON.stringify(line)}\n`),
      end: () => {
        this.images.set(image, ["PATH=/usr/bin:/bin", "FROM_IMAGE=yes"]);
        response.end();
      },
      isCancelled: () => isCancelled,
    });
  }

  /** Signals the processes of a container; its first one only if it is killed. */
  #end({ body, process: first }: FakeContainer, signal: "SIGTERM" | "SIGKILL"): void {
    const runId = body.Env.find((pair) => pair.startsWith("BATCHAI_RUN_ID="))?.split("=")[1] ?? "none";
    for (const { pid } of readProcesses()) {
      const isMember = environmentVariableOf(pid, "BATCHAI_RUN_ID") === runId;
      if (!isMember || (signal === "SIGTERM" && pid === first?.pid)) continue;
      try {
        process.kill(pid, signal);
      } catch {
        // It has ended.
      }
    }
  }
}

function send(response: ServerResponse, { status, body }: Reply): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

function notInStore({ id }: FakeContainer): Reply {
  return { status: 500, body: { message: `getting container from store "${id}": container not known` } };
}

function notFound(message: string): Reply {
  return { status: 404, body: { message } };
}
