import type { FastifyReply } from "fastify";
import { serialize } from "../../wire/serialize.ts";
import type { ResourceKind } from "../../wire/resourceIds.ts";
import { resourceSchemas, type StoredResource } from "../state/resources.ts";
import type { Operation } from "../state/operations.ts";
import type { ArmContext, ArmRequest } from "./context.ts";
import { integerIn, queryIn } from "./parameters.ts";
import { invalidParameter } from "./errors.ts";
import { apiVersion } from "./versions.ts";

/** Most characters in one page of a list: a thousand of the largest resources would not fit into memory. */
const largestPage = 4 * 1024 * 1024;
const rowsAtATime = 20;

/** Returns the JSON body of a resource. */
export function resourceBody<K extends ResourceKind>(resource: StoredResource<K>): Record<string, unknown> {
  return serialize(resourceSchemas[resource.kind], resource.model);
}

/** Sends one resource, with the ETag and time of its last write by a client. */
export function sendResource<K extends ResourceKind>(
  reply: FastifyReply,
  resource: StoredResource<K>,
  body: Record<string, unknown> = resourceBody(resource),
): FastifyReply {
  return reply.header("etag", resource.etag).header("last-modified", resource.modified.toUTCString()).send(body);
}

/**
 * Sends 202 for the start of an asynchronous operation. The two URLs look swapped, but the real service has always sent
 * them like this.
 */
export function sendAccepted(
  request: ArmRequest,
  reply: FastifyReply,
  subscriptionId: string,
  operation: Operation,
): FastifyReply {
  const provider = `${originOf(request)}/subscriptions/${subscriptionId}/providers/Microsoft.BatchAI`;
  const root = `${provider}/locations/${encodeURIComponent(operation.location)}`;
  return reply
    .code(202)
    .header("azure-asyncoperation", `${root}/operationresults/${operation.id}?api-version=${apiVersion}`)
    .header("location", `${root}/operationstatuses/${operation.id}?api-version=${apiVersion}`)
    .headers(retryAfter(operation))
    .send();
}

/** Returns the headers that say when to poll again: immediately if the operation has ended, soon if not. */
export function retryAfter(operation: Operation): Record<string, string> {
  return operation.status === "InProgress" ? { "retry-after": "1", "retry-after-ms": "100" } : { "retry-after": "0" };
}

/** Returns the scheme, host and port at which the client reached the service. */
export function originOf(request: ArmRequest): string {
  return `${request.protocol}://${request.headers.host ?? ""}`;
}

/** One page of a list. */
export interface Page<T> {
  readonly value: T[];
  /** Absent on the last page. */
  readonly nextLink?: string;
}

/**
 * Returns the page that a request asks for.
 * @param read - Returns up to `limit` entries that follow the position `after`.
 */
export function pageOf<T>(
  request: ArmRequest,
  read: (after: number, limit: number) => { sequence: number; body: T }[],
): Page<T> {
  const limit = integerIn(request, "maxresults", { min: 1, max: 1000, default: 1000 });
  const rows = rowsOf(positionIn(request), limit + 1, read);
  const isCut = rows.isLarge || rows.found.length > limit;
  const page = isCut ? rows.found.slice(0, -1) : rows.found;
  const last = page.at(-1);
  const value = page.map((row) => row.body);
  return isCut && last ? { value, nextLink: nextLinkOf(request, last.sequence) } : { value };
}

interface Row<T> {
  readonly sequence: number;
  readonly body: T;
}

/** Reads rows in small steps, until there are `most` or they are too large for one response. */
function rowsOf<T>(
  position: number,
  most: number,
  read: (after: number, limit: number) => Row<T>[],
): { readonly found: readonly Row<T>[]; readonly isLarge: boolean } {
  const found: Row<T>[] = [];
  let size = 0;
  while (found.length < most) {
    const step = read(found.at(-1)?.sequence ?? position, Math.min(rowsAtATime, most - found.length));
    if (step.length === 0) break;
    found.push(...step);
    size += JSON.stringify(step).length;
    if (size > largestPage && found.length > 1) return { found, isLarge: true };
  }
  return { found, isLarge: false };
}

/** Returns one page of the resources of a kind, all of them or those of one parent, in order of creation. */
export function resourcePage<K extends ResourceKind>(
  { store }: ArmContext,
  request: ArmRequest,
  kind: K,
  parent?: string,
  body: (resource: StoredResource<K>) => Record<string, unknown> = resourceBody,
): Page<Record<string, unknown>> {
  return pageOf(request, (after, limit) =>
    store.resources
      .list(kind, { parent, after, limit })
      .map((found) => ({ sequence: found.sequence, body: body(found) })),
  );
}

function positionIn(request: ArmRequest): number {
  const token = queryIn(request, "$skiptoken");
  if (token === undefined) return 0;
  const position = /^[A-Za-z0-9_-]{1,24}$/.test(token) ? Buffer.from(token, "base64url").toString("latin1") : "";
  if (/^\d{1,15}$/.test(position)) return Number(position);
  throw invalidParameter([{ path: "$skiptoken", message: "must be taken unchanged from a nextLink" }]);
}

function nextLinkOf(request: ArmRequest, position: number): string {
  const url = new URL(request.url, originOf(request));
  url.searchParams.set("$skiptoken", Buffer.from(String(position), "latin1").toString("base64url"));
  return url.toString();
}
