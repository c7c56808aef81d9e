import type { ResourceKind } from "../../wire/resourceIds.ts";
import type { StoredResource } from "../state/resources.ts";
import type { ArmContext } from "./context.ts";
import { ArmError } from "./errors.ts";
import { refuseWhileDeleting } from "./resourcesInPath.ts";

/** Returns the digest of a create request. An equal request has the same digest, whatever the order of its members is. */
export function requestDigest(context: ArmContext, parameters: object): string {
  return context.store.vault.digest(canonicalJson(parameters));
}

/**
 * Returns the resource that an earlier, equal request created; undefined if no resource has the name.
 * @throws ArmError 409 if a different request created the resource, or the resource is being deleted.
 */
export function createdBefore<K extends ResourceKind>(
  context: ArmContext,
  kind: K,
  id: string,
  digest: string,
): StoredResource<K> | undefined {
  const resource = context.store.resources.find(kind, id);
  if (!resource) return undefined;
  refuseWhileDeleting(resource);
  if (resource.requestDigest === digest) return resource;
  const name = id.slice(id.lastIndexOf("/") + 1);
  throw new ArmError(
    "Conflict",
    `${name} already exists with other properties, and creating it again cannot change them. ` +
      "Choose another name, or delete it first.",
  );
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
