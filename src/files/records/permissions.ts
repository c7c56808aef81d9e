import { createHash } from "node:crypto";
import { StorageError } from "../errors.ts";
import type { ShareIdentity } from "./properties.ts";
import type { PropertyStore } from "./propertyStore.ts";

const acl = String.raw`[A-Z_]*(?:\((?:[^()]|\([^()]*\))*\))*`;
/** Owner, group, discretionary and system access control list of a security descriptor, all optional. */
const sddl = new RegExp(String.raw`^(?:O:[\w-]+)?(?:G:[\w-]+)?(?:D:${acl})?(?:S:${acl})?$`);

/**
 * Stores a security descriptor (SDDL) for the files of a share and returns its key. Equal descriptors have equal keys.
 * Throws if the text is not valid SDDL.
 */
export function savePermission(store: PropertyStore, share: ShareIdentity, permission: string): string {
  if (permission === "" || !sddl.test(permission)) throw new StorageError("FileInvalidPermission");
  const key = keyOfDescriptor(permission);
  store.run("INSERT OR IGNORE INTO permissions VALUES (?, ?, ?)", share.identity, key, permission);
  return key;
}

/** Returns the security descriptor with a key. Throws if the share has no such key. */
export function permissionOf(store: PropertyStore, share: ShareIdentity, key: string): string {
  const row = store.get("SELECT permission FROM permissions WHERE share = ? AND key = ?", share.identity, key);
  if (row === undefined) throw new StorageError("FileInvalidPermissionKey");
  return String(row.permission);
}

/** Returns two numbers with an asterisk between them, the form of these keys in Azure. */
function keyOfDescriptor(permission: string): string {
  const hash = createHash("sha256").update(permission).digest();
  return `${hash.readBigUInt64BE(0)}*${hash.readBigUInt64BE(8)}`;
}
