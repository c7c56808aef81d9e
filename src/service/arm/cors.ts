import type { FastifyInstance } from "fastify";

/** What the SDK reads of an answer, beside its body; a browser shows a page of another origin nothing else. */
const exposedHeaders =
  "azure-asyncoperation, location, retry-after, retry-after-ms, x-ms-retry-after-ms, " +
  "request-id, x-ms-request-id, x-ms-client-request-id, www-authenticate";
const secondsToRemember = "600";

/**
 * Lets web pages of these origins call the API from a browser. Those of other origins get no leave: their browser sends
 * nothing that needs it, and keeps every answer from them. The token is asked for as ever.
 */
export function allowOrigins(app: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return;
  app.addHook("onRequest", async (request, reply) => {
    const { origin, "access-control-request-headers": wantedHeaders } = request.headers;
    void reply.header("vary", "origin");
    if (origin === undefined || !origins.includes(origin)) return undefined;
    void reply.headers({
      "access-control-allow-origin": origin,
      "access-control-expose-headers": exposedHeaders,
    });
    const isPreflight = request.method === "OPTIONS" && "access-control-request-method" in request.headers;
    if (!isPreflight) return undefined;
    void reply.headers({
      "access-control-allow-methods": "GET, PUT, PATCH, POST, DELETE",
      "access-control-allow-headers": wantedHeaders ?? "authorization",
      "access-control-max-age": secondsToRemember,
    });
    return reply.code(204).send();
  });
}

/** Says what is wrong with an origin, by throwing. */
export function checkOrigin(origin: string): void {
  if (URL.canParse(origin) && new URL(origin).origin === origin) return;
  throw new Error(
    `'${origin}' is not the origin of a web page: write scheme, host and port and no more, such as http://127.0.0.1:3000.`,
  );
}
