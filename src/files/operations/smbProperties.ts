import { noAttributes } from "../http/headers.ts";
import type { SmbProperties } from "../http/headers.ts";
import { permissionOf, savePermission } from "../records/permissions.ts";
import type { FileProperties } from "../records/properties.ts";
import type { Share } from "../shares/share.ts";
import type { Exchange } from "./exchange.ts";

/**
 * Returns properties with the SMB properties of a request applied, except for the times that {@link storeProperties}
 * sets.
 */
export function withSmbProperties(
  exchange: Exchange,
  share: Share,
  properties: FileProperties,
  smb: SmbProperties,
): FileProperties {
  const createdOn = smb.createdOn === "now" ? new Date() : smb.createdOn;
  const permissionKey = savedPermissionKey(exchange, share, smb.permission);
  return {
    ...properties,
    ...(smb.attributes === undefined ? {} : { attributes: smb.attributes }),
    ...(createdOn === undefined ? {} : { createdOn: createdOn.toISOString() }),
    ...(permissionKey === undefined ? {} : { permissionKey }),
  };
}

function savedPermissionKey(
  { storage }: Exchange,
  share: Share,
  permission: SmbProperties["permission"],
): string | undefined {
  if (permission === undefined) return undefined;
  if ("text" in permission) return savePermission(storage.properties, share, permission.text);
  permissionOf(storage.properties, share, permission.key);
  return permission.key;
}

/** Returns the SMB properties of a new entry without values that only repeat the defaults. */
export function withoutSmbDefaults(smb: SmbProperties): SmbProperties {
  return {
    ...smb,
    attributes: smb.attributes === noAttributes ? undefined : smb.attributes,
    createdOn: smb.createdOn === "now" ? undefined : smb.createdOn,
    lastWriteOn: smb.lastWriteOn === "now" ? undefined : smb.lastWriteOn,
  };
}
