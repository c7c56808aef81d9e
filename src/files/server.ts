import { randomUUID } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { createServer } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import { limitConnections } from "../ground/connectionLimit.ts";
import { authenticate } from "./access/authentication.ts";
import { StorageError } from "./errors.ts";
import { toStorageError } from "./failures.ts";
import { exposeResponse, respondToPreflight } from "./http/cors.ts";
import { isRead, isServiceVersion, parseRequest } from "./http/request.ts";
import type { StorageRequest } from "./http/request.ts";
import { StorageResponse } from "./http/response.ts";
import { errorXml } from "./http/xml.ts";
import type { Exchange } from "./operations/exchange.ts";
import { operationFor } from "./operations/index.ts";
import type { StorageOperation } from "./operations/operation.ts";
import { corsRulesOf } from "./records/serviceProperties.ts";
import { gateKeyOf } from "./shares/shareGate.ts";
import type { Storage } from "./shares/storage.ts";

/** Options of {@link createStorageServer}. */
export interface ServerOptions {
  readonly storage: Storage;
  /** Decoded account keys by account name. */
  readonly keys: ReadonlyMap<string, KeyObject>;
  /** Called with problems of the service itself. */
  readonly log: (message: string, details?: Record<string, unknown>) => void;
}

const newestVersion = "2026-10-06";
const longestClientRequestId = 1024;
/** Time in milliseconds after which a connection without traffic is closed. */
const idleLimit = 120_000;

/** An HTTP server and its active requests. */
export interface StorageServer {
  readonly server: Server;
  /** Resolves when all requests have been processed, including those whose clients have disconnected. */
  readonly idle: () => Promise<void>;
}

/** Creates the HTTP server. The caller makes it listen. */
export function createStorageServer(options: ServerOptions): StorageServer {
  const underWay = new Set<Promise<void>>();
  const serve = (message: IncomingMessage, response: StorageResponse): void => {
    const serving = serveRequest(options, message, response).catch((error: unknown) => {
      // Not even an error response could be sent. This must not affect other requests.
      options.log("failed to send an error response to a file request", { error: describe(error) });
      response.destroy();
    });
    underWay.add(serving);
    void serving.finally(() => underWay.delete(serving));
  };
  const server = createServer(
    { ServerResponse: StorageResponse, requestTimeout: 0, headersTimeout: 30_000, keepAliveTimeout: 65_000 },
    serve,
  );
  server.setTimeout(idleLimit);
  limitConnections(server, tooManyConnections);
  // A client that sends `Expect: 100-continue` gets its 100 once the request turns out to be allowed.
  server.on("checkContinue", serve);
  const idle = async (): Promise<void> => {
    while (underWay.size > 0) await Promise.allSettled(underWay);
  };
  return { server, idle };
}

/** Returns the whole response to a connection above the limit, whose request is not read. */
function tooManyConnections(): string {
  const error = new StorageError("ServerBusy");
  const body = errorXml(error, randomUUID(), new Date());
  const headers = [
    "content-type: application/xml",
    `content-length: ${Buffer.byteLength(body)}`,
    `x-ms-error-code: ${error.code}`,
    "retry-after: 1",
    "connection: close",
  ];
  return `HTTP/1.1 ${error.status} Service Unavailable\r\n${headers.join("\r\n")}\r\n\r\n${body}`;
}

async function serveRequest(
  options: ServerOptions,
  message: IncomingMessage,
  response: StorageResponse,
): Promise<void> {
  const requestId = randomUUID();
  Object.assign(response.common, commonHeaders(message, requestId));
  try {
    const request = parseRequest(message, options.keys);
    const cors = corsRulesOf(options.storage, request.account);
    if (message.method === "OPTIONS") {
      respondToPreflight(message, response, cors);
      return;
    }
    exposeResponse(message, response, cors);
    await authorizeAndRun(options, request, response);
  } catch (thrown) {
    const error = toStorageError(thrown);
    if (error.code === "InternalError" && !message.destroyed) {
      const path = (message.url ?? "").split("?", 1)[0];
      options.log("a file request failed", { requestId, method: message.method, path, error: describe(thrown) });
    }
    sendError(message, response, error, requestId);
  }
}

async function authorizeAndRun(
  options: ServerOptions,
  request: StorageRequest,
  response: StorageResponse,
): Promise<void> {
  const { storage, keys } = options;
  const grant = authenticate(request, keys, storage);
  response.common["x-ms-version"] = versionOf(request) ?? grant.version ?? newestVersion;
  const operation = operationFor(request);
  grant.check(operation);
  const host = request.header("host") ?? "";
  const accountUrl = `http://${host}${request.accountPath}`;
  await throughGate(operation, { request, response, grant, storage, keys, accountUrl });
}

/** Makes changes of a share wait while a snapshot of it is taken. Reads never wait. */
async function throughGate(operation: StorageOperation, exchange: Exchange): Promise<void> {
  const { request, storage } = exchange;
  const work = (): Promise<void> | void => operation.run(exchange);
  if (isRead(request) || operation.entersGate === true) await work();
  else await storage.gate.change(gateKeyOf(request.account, request.share ?? ""), work);
}

function commonHeaders({ headers }: IncomingMessage, requestId: string): Record<string, string> {
  const clientRequestId = headers["x-ms-client-request-id"];
  const isEchoed = typeof clientRequestId === "string" && clientRequestId.length <= longestClientRequestId;
  return {
    server: "Windows-Azure-File/1.0 Microsoft-HTTPAPI/2.0",
    "x-ms-request-id": requestId,
    "x-ms-version": newestVersion,
    ...(isEchoed ? { "x-ms-client-request-id": clientRequestId } : {}),
  };
}

function versionOf(request: StorageRequest): string | undefined {
  const version = request.header("x-ms-version");
  if (version !== undefined && !isServiceVersion(version)) {
    throw new StorageError("InvalidHeaderValue", { subject: "x-ms-version" });
  }
  return version;
}

function sendError(message: IncomingMessage, response: StorageResponse, error: StorageError, requestId: string): void {
  const socket = message.socket as Socket | null;
  if (response.headersSent || socket?.destroyed !== false) {
    response.destroy();
    return;
  }
  const hasBody = message.method !== "HEAD" && error.status !== 304;
  const body = hasBody ? errorXml(error, requestId, new Date()) : "";
  const contentHeaders = { "content-type": "application/xml", "content-length": Buffer.byteLength(body) };
  response
    .writeHead(error.status, { ...error.headers, "x-ms-error-code": error.code, ...(hasBody ? contentHeaders : {}) })
    .end(body);
}

/**
 * Returns the name and message of an error. The stack is omitted, because it may reveal where the service is installed.
 */
function describe(thrown: unknown): string {
  return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
}
