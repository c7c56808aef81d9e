import { randomUUID } from "node:crypto";
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from "fastify";
import { limitConnections } from "../../ground/connectionLimit.ts";
import { parseJson } from "../../ground/jsonPosition.ts";
import { type Shortage, shortageOf } from "../../ground/shortage.ts";
import { reasonOf } from "../../ground/systemErrors.ts";
import { admissionOf } from "../identity/accessToken.ts";
import { isLoopbackHostHeader } from "../identity/hostHeader.ts";
import { clusterRoutes } from "./routes/clusters.ts";
import type { ArmContext, ArmRequest } from "./context.ts";
import { allowOrigins } from "./cors.ts";
import { checkBodyLimits } from "./bodyLimits.ts";
import { ArmError, type ErrorCode } from "./errors.ts";
import { experimentRoutes } from "./routes/experiments.ts";
import { fileServerRoutes } from "./routes/fileServers.ts";
import { jobRoutes } from "./routes/jobs.ts";
import { operationResultRoutes } from "./routes/operationResults.ts";
import { queryIn } from "./parameters.ts";
import { providerOperationRoutes } from "./routes/providerOperations.ts";
import { providerRoutes } from "./routes/providers.ts";
import { resourceGroupRoutes } from "./routes/resourceGroups.ts";
import { usageRoutes } from "./routes/usages.ts";
import { checkApiVersion } from "./versions.ts";
import { workspaceRoutes } from "./routes/workspaces.ts";

const largestBody = 4 * 1024 * 1024;
const retryAfterInSeconds = 1;
/** Time that a client has to send a request. */
const longestRequestInMs = 60_000;
/** Time after which a connection without traffic is closed, also in the middle of a response that nobody reads. */
const longestSilenceInMs = 120_000;
/** Headers that mean something else, or can be smuggled in, if a request has two of them. */
const singleHeaders = new Set(["host", "authorization", "content-length", "content-type", "origin"]);

/** The HTTP side of the API. */
export function armServer(context: ArmContext, allowedOrigins: readonly string[] = []): FastifyInstance {
  const app = fastify({
    bodyLimit: largestBody,
    exposeHeadRoutes: false,
    forceCloseConnections: "idle",
    // closeServer closes the connections, with a time limit; until then, connections get their responses.
    return503OnClosing: false,
    requestTimeout: longestRequestInMs,
    connectionTimeout: longestSilenceInMs,
    routerOptions: { caseSensitive: false, ignoreTrailingSlash: true, maxParamLength: 500 },
    frameworkErrors: (error, _request, reply) => {
      sendError(context, reply, error);
    },
  });
  acceptJson(app);
  app.addHook("onRequest", async (request: ArmRequest, reply) => {
    void reply.headers(commonHeaders(request));
    checkRepeatedHeaders(request);
    checkHost(request);
  });
  allowOrigins(app, allowedOrigins);
  app.addHook("onRequest", async (request: ArmRequest, reply) => {
    admit(context, request, reply);
  });
  app.addHook("onResponse", async (request, reply) => {
    const { method } = request;
    const ms = Math.round(reply.elapsedTime);
    context.logger.debug({ method, path: pathOf(request.url), status: reply.statusCode, ms }, "request");
  });
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    sendError(context, reply, error);
  });
  app.setNotFoundHandler((request, reply) => {
    sendError(
      context,
      reply,
      new ArmError("NotFound", `There is nothing at ${request.method} ${pathOf(request.url)}.`),
    );
  });
  addRoutes(app, context);
  limitConnections(app.server, tooManyConnections);
  return app;
}

function addRoutes(app: FastifyInstance, context: ArmContext): void {
  providerOperationRoutes(app);
  providerRoutes(app, context);
  resourceGroupRoutes(app, context);
  usageRoutes(app, context);
  workspaceRoutes(app, context);
  clusterRoutes(app, context);
  experimentRoutes(app, context);
  jobRoutes(app, context);
  fileServerRoutes(app, context);
  operationResultRoutes(app, context);
}

/** Reads every body as JSON, whatever its content type is. An empty body counts as absent. */
function acceptJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => {
    try {
      done(null, parsedBody(String(body)));
    } catch (error) {
      done(error as Error);
    }
  });
}

/** @throws ArmError 400 if the body is not JSON, or is larger or deeper than any body of the API. */
function parsedBody(text: string): unknown {
  const json = text.replace(/^\uFEFF/, "");
  if (json.trim() === "") return undefined;
  const body = parsedJson(json);
  checkBodyLimits(body);
  removePrototypes(body);
  return body;
}

function parsedJson(json: string): unknown {
  try {
    return parseJson(json, "The body of the request");
  } catch (error) {
    // Also if it is so deep that the parser gives up.
    throw new ArmError("InvalidRequestContent", reasonOf(error), { target: "body" });
  }
}

/** Members of that name would become prototypes where a body is copied. The limits of a body bound the recursion. */
function removePrototypes(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  if (Object.hasOwn(value, "__proto__")) Reflect.deleteProperty(value, "__proto__");
  Object.values(value).forEach(removePrototypes);
}

/** Node.js takes the first of two such headers; a proxy in front of the service may have judged by the other. */
function checkRepeatedHeaders({ raw }: ArmRequest): void {
  const names = raw.rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
  const repeated = names.find((name, index) => singleHeaders.has(name) && names.indexOf(name) !== index);
  if (repeated === undefined) return;
  throw new ArmError("InvalidRequestContent", `The request has two ${repeated} headers. Send one.`, {
    target: repeated,
  });
}

function checkHost(request: ArmRequest): void {
  if (isLoopbackHostHeader(request.headers.host)) return;
  throw new ArmError("HostNotAllowed", "The Host header must name this machine, for example 127.0.0.1 or localhost.");
}

/** Rejects a request without a valid token, with an unsupported version of the API, or for another subscription. */
function admit({ token, subscriptionId }: ArmContext, request: ArmRequest, reply: FastifyReply): void {
  const admission = admissionOf(request.headers.authorization, token);
  if (admission !== "admitted") void reply.header("www-authenticate", "Bearer");
  if (admission === "missing") {
    throw new ArmError(
      "AuthenticationFailed",
      "Authentication failed. The 'Authorization' header is missing: send 'Bearer' and the service's token.",
    );
  }
  if (admission === "wrong") {
    throw new ArmError(
      "InvalidAuthenticationToken",
      "The access token is not valid for this service. Use the token from its connection file.",
    );
  }
  checkApiVersion(pathOf(request.url), queryIn(request, "api-version"));
  const subscription = request.params.subscriptionId;
  if (subscription !== undefined && subscription.toLowerCase() !== subscriptionId.toLowerCase()) {
    throw new ArmError("SubscriptionNotFound", `The subscription '${subscription.slice(0, 100)}' could not be found.`);
  }
}

function commonHeaders(request: ArmRequest): Record<string, string> {
  const clientRequestId = request.headers["x-ms-client-request-id"];
  const requestId = randomUUID();
  return {
    "cache-control": "no-cache",
    pragma: "no-cache",
    expires: "-1",
    "x-content-type-options": "nosniff",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "request-id": requestId,
    "x-ms-request-id": requestId,
    ...(typeof clientRequestId === "string" ? { "x-ms-client-request-id": clientRequestId } : {}),
  };
}

/** Sends an error as ARM does. Only the log contains the cause of an internal error. */
function sendError({ logger }: ArmContext, reply: FastifyReply, error: Error): void {
  const sent = error instanceof ArmError ? error : translated(error as FastifyError);
  if (sent.code === "InternalServerError") logger.error({ error: error.stack ?? String(error) }, "a request failed");
  else if (sent.statusCode >= 500)
    logger.warn({ code: sent.code, reason: reasonOf(error) }, "a request failed for now");
  if (sent.code === "RequestBodyTooLarge") letClientFinish(reply);
  if (sent.retryable) void reply.header("retry-after", String(retryAfterInSeconds));
  void reply.code(sent.statusCode).type("application/json; charset=utf-8").send(sent.toBody());
}

/** Reads the rest of the body and keeps the connection; otherwise the client gets a broken pipe instead of the response. */
function letClientFinish(reply: FastifyReply): void {
  void reply.removeHeader("connection");
  reply.request.raw.resume();
}

function translated(error: FastifyError): ArmError {
  if (error.code === "FST_ERR_CTP_BODY_TOO_LARGE") {
    return new ArmError("RequestBodyTooLarge", `The body of the request is larger than ${String(largestBody)} bytes.`);
  }
  if (error.statusCode !== undefined && error.statusCode < 500) {
    return new ArmError("InvalidRequestContent", "The request cannot be read. Check its URL, length and body.");
  }
  const shortage = shortageOf(error);
  if (shortage !== undefined) return new ArmError(...shortages[shortage]);
  return new ArmError("InternalServerError", "The request failed. See the service log for the cause.");
}

/** Returns the whole response to a connection above the limit, whose request is not read. */
function tooManyConnections(): string {
  const error = new ArmError("ServiceUnavailable", "Too many connections to the service are open. Try again later.");
  const body = JSON.stringify(error.toBody());
  const headers = [
    "content-type: application/json; charset=utf-8",
    `content-length: ${String(Buffer.byteLength(body))}`,
    `retry-after: ${String(retryAfterInSeconds)}`,
    "connection: close",
  ];
  return `HTTP/1.1 503 Service Unavailable\r\n${headers.join("\r\n")}\r\n\r\n${body}`;
}

const shortages: Readonly<Record<Shortage, [code: ErrorCode, message: string]>> = {
  storage: [
    "InsufficientStorage",
    "The disk of the service is full, and nothing was changed. Free some space and try again.",
  ],
  machine: [
    "ServiceUnavailable",
    "The machine of the service lacks open files or memory, and nothing was changed. Try again later.",
  ],
  lock: [
    "ServiceUnavailable",
    "Another program has locked the database of the service, and nothing was changed. Try again later.",
  ],
};

function pathOf(url: string): string {
  return url.replace(/\?.*$/s, "");
}
