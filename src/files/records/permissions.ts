import { createHash } from "node:crypto";
import { StorageError } from "../errors.ts";
import type { ShareIdentity } from "./properties.ts";
import type { PropertyStore } from "./propertyStore.ts";

const acl = String.raw`[A-Z_]*(?:\((?:[^()]|\([^()]*\))*\))*`;
/** Owner, group, discretionary and system list of a security descriptor, each of them optional. */
const sddl = new RegExp(String.raw`^(?:O:[\w-]+)?(?:G:[\w-]+)?(?:D:${acl})?(?:S:${acl})?$`);

/**
 * Keeps a security descriptor (SDDL) for the files of a share and returns the key by which it is known from then on.
 * Equal descriptors have equal keys. Throws when the text is no SDDL.
 */
export function savePermission(store: PropertyStore, share: ShareIdentity, permission: string): string {
  if (permission === "" || !sddl.test(permission)) throw new StorageError("FileInvalidPermission");
  const key = keyOfDescriptor(permission);
  store.run("INSERT OR IGNORE INTO permissions VALUES (?, ?, ?)", share.identity, key, permission);
  return key;
}

/** The security descriptor of a key. Throws when the share knows no such key. */
export function permissionOf(store: PropertyStore, share: ShareIdentity, key: string): string {
  const row = store.get("SELECT permission FROM permissions WHERE share = ? AND key = ?", share.identity, key);
  if (row === undefined) throw new StorageError("FileInvalidPermissionKey");
  return String(row.permission);
}

/** Two numbers with an asterisk between them, as Azure writes these keys. */
function keyOfDescriptor(permission: string): string {
  const hash = createHash("sha256").update(permission).digest();
  return `${hash.readBigUInt64BE(0)}*${hash.readBigUInt64BE(8)}`;
}
