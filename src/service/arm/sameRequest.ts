import type { ResourceKind } from "../../wire/resourceIds.ts";
import type { StoredResource } from "../state/resources.ts";
import type { ArmContext } from "./context.ts";
import { refuseWhileDeleting } from "./answers.ts";
import { ArmError } from "./errors.ts";

/** Digest of a create request: the same request again changes nothing, another one for the same name is a conflict. */
export function fingerprintOf(context: ArmContext, parameters: object): string {
  return context.store.vault.fingerprint(canonicalJson(parameters));
}

/**
 * The resource that an earlier, equal request created; undefined when the name is free.
 * @throws ArmError 409 when the name is taken by something else, or is on its way out.
 */
export function createdBefore<K extends ResourceKind>(
  context: ArmContext,
  kind: K,
  id: string,
  fingerprint: string,
): StoredResource<K> | undefined {
  const resource = context.store.resources.find(kind, id);
  if (!resource) return undefined;
  refuseWhileDeleting(resource);
  if (resource.fingerprint === fingerprint) return resource;
  const name = id.slice(id.lastIndexOf("/") + 1);
  throw new ArmError(
    "Conflict",
    `${name} exists already with other properties, and they cannot be changed by creating it again. ` +
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
