import { createDefaultHttpClient } from "@azure/core-rest-pipeline";
import type { HttpClient, PipelineRequest, RestError, TlsSettings } from "@azure/core-rest-pipeline";
import { nodeModule } from "./platform.ts";
import type { NodeAgent } from "./platform.ts";
import { restError } from "./restError.ts";

/**
 * Maximum number of connections of a process to one host. More requests wait for a free one. Clients with TLS settings
 * have connections of their own, with the same limit. Does not hold for requests through a proxy, whose agent comes from
 * core: with a limit, it never frees connections that the proxy rejected.
 */
const maxConnectionsPerHost = 50;

/** Connections of one client. */
export interface Connections {
  readonly httpClient: HttpClient;
  /** Returns the outcome of an attempt that includes reading its body. `close` waits for it. */
  reading<T>(body: Promise<T>): Promise<T>;
  /** Rejects new requests, waits for running ones, and closes idle connections. */
  close(): Promise<void>;
}

/** Options of a client that decide about its connections. */
interface ConnectionOptions {
  readonly httpClient?: HttpClient;
  readonly agent?: unknown;
}

/**
 * Creates the connections of a client. An `httpClient` or `agent` of the user decides about its own connections, and is
 * never closed.
 */
export function createConnections({ httpClient, agent }: ConnectionOptions): Connections {
  const pool = httpClient === undefined && agent === undefined ? sharedPool() : undefined;
  const sending = httpClient ?? sharedPool().httpClient;
  const origins = new Set<string>();
  let tlsAgent: NodeAgent | undefined;
  let closing: Promise<void> | undefined;
  let running = 0;
  let onIdle = (): void => undefined;
  /** Connections with TLS settings belong to the client, because other clients may have other settings. */
  const agentFor = ({ url, tlsSettings, disableKeepAlive }: PipelineRequest): NodeAgent | undefined => {
    if (pool === undefined || disableKeepAlive) return undefined;
    return tlsSettings === undefined ? pool.agentFor(url) : (tlsAgent ??= pool.createTlsAgent(tlsSettings));
  };
  const close = async (): Promise<void> => {
    if (running > 0) await new Promise<void>((resolve) => (onIdle = resolve));
    tlsAgent?.destroy();
    pool?.closeIdle([...origins].map(hostOf));
  };
  const finish = (): void => {
    running -= 1;
    if (running === 0) onIdle();
  };
  return {
    httpClient: {
      async sendRequest(request) {
        if (closing !== undefined) throw closedError();
        const ownAgent = request.agent === undefined ? agentFor(request) : undefined;
        if (ownAgent !== undefined) {
          request.agent = ownAgent;
          origins.add(originOf(request.url));
        }
        running += 1;
        try {
          return await sending.sendRequest(request);
        } finally {
          // A redirect of the same request can lead to another protocol, which needs another agent.
          if (ownAgent !== undefined) request.agent = undefined;
          finish();
        }
      },
    },
    async reading(body) {
      running += 1;
      try {
        return await body;
      } finally {
        finish();
      }
    },
    close: () => (closing ??= close()),
  };
}

/** Creates the error of a request that a client sends after it was closed. */
function closedError(): RestError {
  return restError("The client is closed. Create another client.", { code: "ClientClosed" });
}

/** Returns the start of a URL up to its path. Every request needs it, and parsing is slow. */
function originOf(url: string): string {
  const path = url.indexOf("/", "https://".length);
  return path === -1 ? url : url.slice(0, path);
}

/** Returns the host and port in a URL, as agents of Node.js name their connections. */
function hostOf(url: string): string {
  const { hostname, port, protocol } = new URL(url);
  const defaultPort = protocol === "https:" ? "443" : "80";
  return `${hostname.replace(/^\[|\]$/g, "")}:${port === "" ? defaultPort : port}:`;
}

/** Connections of all clients of the process without an `agent`, an `httpClient` or TLS settings of their own. */
interface Pool {
  readonly httpClient: HttpClient;
  /** Returns the agent for requests to a URL; `undefined` if the platform itself limits connections. */
  agentFor(url: string): NodeAgent | undefined;
  /** Creates an agent with TLS settings, with the same limit. */
  createTlsAgent(tlsSettings: TlsSettings): NodeAgent | undefined;
  /** Closes the idle connections to these hosts. A client that still needs one opens it again. */
  closeIdle(hosts: readonly string[]): void;
}

const poolKey = /* @__PURE__ */ Symbol.for("batchai.pool.1");

/**
 * Returns the connections of the process. All copies of this package share them, so a change of {@link Pool} needs
 * another number in the key.
 */
function sharedPool(): Pool {
  const holder = globalThis as { [poolKey]?: Pool };
  return (holder[poolKey] ??= createPool());
}

function createPool(): Pool {
  const httpClient = createDefaultHttpClient();
  const http = nodeModule("http");
  const https = nodeModule("https");
  if (http === undefined || https === undefined) {
    const none = (): undefined => undefined;
    return { httpClient, agentFor: none, createTlsAgent: none, closeIdle: none };
  }
  const settings = { keepAlive: true, maxSockets: maxConnectionsPerHost };
  const plain = new http.Agent(settings);
  const secure = new https.Agent(settings);
  return {
    httpClient,
    agentFor: (url) => (url.startsWith("https:") ? secure : plain),
    createTlsAgent: (tlsSettings) => new https.Agent({ ...tlsSettings, ...settings }),
    closeIdle(hosts) {
      for (const { freeSockets } of [plain, secure]) {
        for (const [name, sockets] of Object.entries(freeSockets)) {
          if (hosts.some((host) => name.startsWith(host))) for (const socket of sockets ?? []) socket.destroy();
        }
      }
    },
  };
}
