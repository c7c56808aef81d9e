import { randomUUID } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { createServer } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
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

/** What the HTTP server needs to serve requests. */
export interface ServerOptions {
  readonly storage: Storage;
  /** Decoded account keys by account name. */
  readonly keys: ReadonlyMap<string, KeyObject>;
  /** Told about failures that are the service's own. */
  readonly log: (message: string, details?: Record<string, unknown>) => void;
}

const newestVersion = "2026-10-06";
const longestClientRequestId = 1024;
/** A connection on which nothing moves for so long is given up. */
const idleLimit = 120_000;

/** An HTTP server, and what it is doing. */
export interface StorageServer {
  readonly server: Server;
  /** Resolves once every request that has come is dealt with, those included whose clients are gone. */
  readonly idle: () => Promise<void>;
}

/** Makes the HTTP server; the caller lets it listen. */
export function createStorageServer(options: ServerOptions): StorageServer {
  const underWay = new Set<Promise<void>>();
  const serve = (message: IncomingMessage, response: StorageResponse): void => {
    const serving = serveRequest(options, message, response).catch((error: unknown) => {
      // Not even the refusal could be sent; one request must not take the others with it.
      options.log("A file request could not be answered", { error: describe(error) });
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
  // Whoever asks before sending a body is told to go on once the request turns out to be allowed.
  server.on("checkContinue", serve);
  const idle = async (): Promise<void> => {
    while (underWay.size > 0) await Promise.allSettled(underWay);
  };
  return { server, idle };
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
      options.log("A file request failed", { requestId, method: message.method, path, error: describe(thrown) });
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

/** Changes of a share wait while a snapshot of it is taken; reading never waits. */
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

/** Name and message of an error; never its stack, which may show where the service is installed. */
function describe(thrown: unknown): string {
  return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
}
