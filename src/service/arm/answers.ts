import type { FastifyReply } from "fastify";
import { serialize } from "../../wire/serialize.ts";
import type { ResourceKind } from "../../wire/resourceIds.ts";
import { resourceSchemas, type StoredResource } from "../state/resources.ts";
import type { Operation } from "../state/operations.ts";
import type { ArmContext, ArmRequest } from "./context.ts";
import { integerIn, queryIn } from "./parameters.ts";
import { ArmError, invalidParameter } from "./errors.ts";
import { apiVersion } from "./versions.ts";

/** The JSON body of a resource. */
export function bodyOf<K extends ResourceKind>(resource: StoredResource<K>): Record<string, unknown> {
  return serialize(resourceSchemas[resource.kind], resource.model);
}

/** Answers one resource, with the ETag and time of its last write by a client. */
export function answerResource<K extends ResourceKind>(
  reply: FastifyReply,
  resource: StoredResource<K>,
  body: Record<string, unknown> = bodyOf(resource),
): Record<string, unknown> {
  void reply.header("etag", resource.etag).header("last-modified", resource.modified.toUTCString());
  return body;
}

/**
 * Answers 202 to the start of an asynchronous operation. The two addresses look crossed over: the real service always
 * answered them that way.
 */
export function answerAccepted(
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

/** When to ask again: at once if the operation has ended, soon if not. */
export function retryAfter(operation: Operation): Record<string, string> {
  return operation.status === "InProgress" ? { "retry-after": "1", "retry-after-ms": "100" } : { "retry-after": "0" };
}

/** Scheme, host and port under which the client reached the service. */
export function originOf(request: ArmRequest): string {
  return `${request.protocol}://${request.headers.host ?? ""}`;
}

/** One page of a list: `value`, and `nextLink` while there is more. */
export function answerPage<T>(
  request: ArmRequest,
  read: (after: number, limit: number) => { sequence: number; body: T }[],
): { value: T[]; nextLink?: string } {
  const limit = integerIn(request, "maxresults", { min: 1, max: 1000, default: 1000 });
  const rows = read(positionIn(request), limit + 1);
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const value = page.map((row) => row.body);
  if (rows.length <= limit || !last) return { value };
  return { value, nextLink: nextLinkOf(request, last.sequence) };
}

/** One page of the resources of a kind, all of them or those of one parent, in order of creation. */
export function answerList<K extends ResourceKind>(
  { store }: ArmContext,
  request: ArmRequest,
  kind: K,
  parent?: string,
  body: (resource: StoredResource<K>) => Record<string, unknown> = bodyOf,
): { value: Record<string, unknown>[]; nextLink?: string } {
  return answerPage(request, (after, limit) =>
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
  const address = new URL(request.url, originOf(request));
  address.searchParams.set("$skiptoken", Buffer.from(String(position), "latin1").toString("base64url"));
  return address.toString();
}

/** Refuses to touch a resource that is on its way out. */
export function refuseWhileDeleting(resource: StoredResource): void {
  if (resource.model.provisioningState?.toLowerCase() !== "deleting") return;
  throw new ArmError(
    "ResourceBeingDeleted",
    `${resource.model.id ?? "The resource"} is being deleted. Try again when it is gone.`,
  );
}
