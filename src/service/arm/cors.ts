import type { FastifyInstance } from "fastify";

/** Response headers that the SDK reads; a browser hides all others from a page of another origin. */
const exposedHeaders =
  "azure-asyncoperation, location, retry-after, retry-after-ms, x-ms-retry-after-ms, " +
  "request-id, x-ms-request-id, x-ms-client-request-id, www-authenticate";
const secondsToRemember = "600";

/**
 * Lets web pages of these origins call the API from a browser. For a page of any other origin, the browser does not send
 * requests that need permission, and hides every response. The pages need the token like every other client.
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

/** Checks an origin. @throws Error if it is not the origin of a web page. */
export function checkOrigin(origin: string): void {
  if (URL.canParse(origin) && new URL(origin).origin === origin) return;
  throw new Error(
    `'${origin}' is not the origin of a web page. Use only scheme, host and port, such as http://127.0.0.1:3000.`,
  );
}
