import type { IncomingMessage } from "node:http";
import { StorageError } from "../errors.ts";
import type { CorsRule } from "../records/serviceProperties.ts";
import type { StorageResponse } from "./response.ts";

const all = "*";

/** Request of a browser for permission to let a script of another website send a request. */
interface Preflight {
  readonly origin: string;
  readonly method: string;
  readonly headers: readonly string[];
}

/** Responds to a preflight request of a browser. Throws if no rule allows it. */
export function respondToPreflight(
  message: IncomingMessage,
  response: StorageResponse,
  rules: readonly CorsRule[],
): void {
  const preflight = preflightOf(message);
  const rule = rules.find((candidate) => allows(candidate, preflight));
  if (rule === undefined) throw new StorageError("CorsPreflightFailure");
  response
    .writeHead(200, {
      ...originHeaders(rule, preflight.origin),
      "access-control-allow-methods": preflight.method,
      ...(preflight.headers.length === 0 ? {} : { "access-control-allow-headers": preflight.headers.join(",") }),
      "access-control-max-age": String(rule.maxAge),
      "content-length": 0,
    })
    .end();
}

function preflightOf({ headers }: IncomingMessage): Preflight {
  const { origin, "access-control-request-method": method, "access-control-request-headers": asked = "" } = headers;
  if (origin === undefined) throw new StorageError("MissingRequiredHeader", { subject: "Origin" });
  if (method === undefined) {
    throw new StorageError("MissingRequiredHeader", { subject: "Access-Control-Request-Method" });
  }
  const names = asked.split(",").map((name) => name.trim().toLowerCase());
  return { origin, method, headers: names.filter((name) => name !== "") };
}

function allows(rule: CorsRule, { origin, method, headers }: Preflight): boolean {
  return allowsOrigin(rule, origin, method) && headers.every((name) => covers(rule.allowedHeaders, name));
}

function allowsOrigin(rule: CorsRule, origin: string, method: string): boolean {
  return (rule.origins.includes(all) || rule.origins.includes(origin)) && rule.methods.includes(method);
}

function covers(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => {
    return pattern.endsWith(all) ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
  });
}

function originHeaders(rule: CorsRule, origin: string): Record<string, string> {
  if (rule.origins.includes(all)) return { "access-control-allow-origin": all };
  return { "access-control-allow-origin": origin, "access-control-allow-credentials": "true", vary: "Origin" };
}

/** Lets scripts of allowed websites read the response, including error responses. */
export function exposeResponse(message: IncomingMessage, response: StorageResponse, rules: readonly CorsRule[]): void {
  const { origin } = message.headers;
  const method = message.method ?? "";
  const rule = origin === undefined ? undefined : rules.find((candidate) => allowsOrigin(candidate, origin, method));
  if (origin === undefined || rule === undefined) {
    // A cache must not serve this response to a website with different permissions.
    if (rules.some(({ origins }) => !origins.includes(all))) response.common.vary = "Origin";
    return;
  }
  Object.assign(response.common, originHeaders(rule, origin));
  response.exposes = (name) => covers(rule.exposedHeaders, name);
}
