import { closeSync, fstatSync, futimesSync, lstatSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { checkConditions } from "../conditions.ts";
import { etagOf, identityOf, smbHeaders, versionHeaders } from "../description.ts";
import { StorageError } from "../errors.ts";
import { noAttributes } from "../headers.ts";
import type { FileTime, SmbProperties } from "../headers.ts";
import type { FileProperties } from "../properties.ts";
import type { Share } from "../storage.ts";
import { locate, openPlace } from "../tree.ts";
import type { Place } from "../tree.ts";
import { answer, shareOf } from "./operation.ts";
import type { Exchange } from "./operation.ts";

/** Where a request points to inside its share. */
export interface Target {
  readonly share: Share;
  readonly place: Place;
}

/** An open file or directory with all that is known about it. */
export interface Entry {
  readonly descriptor: number;
  readonly stat: BigIntStats;
  readonly identity: string;
  readonly properties: FileProperties;
}

/** Finds the place that the request addresses. */
export function targetOf(exchange: Exchange): Target {
  const share = shareOf(exchange);
  const keepTrailingDots = exchange.request.header("x-ms-allow-trailing-dot") === "true";
  return { share, place: locate(share.folder, exchange.request.path, { keepTrailingDots }) };
}

/** Stored properties of something in a share. */
export function propertiesOf(exchange: Exchange, share: Share, stat: BigIntStats): FileProperties {
  return exchange.storage.properties.file(share, identityOf(stat));
}

/** Opens a file or directory for as long as `use` takes. */
export async function withEntry<T>(
  exchange: Exchange,
  { share, place }: Target,
  access: "read" | "write",
  use: (entry: Entry) => Promise<T> | T,
): Promise<T> {
  return withDescriptor(openPlace(place, access), (descriptor) => {
    const stat = fstatSync(descriptor, { bigint: true });
    const properties = propertiesOf(exchange, share, stat);
    checkConditions(exchange.request, etagOf(stat, properties));
    return use({ descriptor, stat, identity: identityOf(stat), properties });
  });
}

/** Closes `descriptor` once `use` is done. */
export async function withDescriptor<T>(descriptor: number, use: (descriptor: number) => Promise<T> | T): Promise<T> {
  try {
    return await use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Refuses to change what a client has marked as read-only. */
export function refuseReadOnly(properties: FileProperties): void {
  if (properties.attributes?.includes("ReadOnly") === true) throw new StorageError("ReadOnlyAttribute");
}

/** Sets the last write time of an open file or directory; undefined leaves it. Either way the change time is now. */
export function setLastWriteTime(descriptor: number, time: FileTime): void {
  const stat = fstatSync(descriptor, { bigint: true });
  futimesSync(descriptor, seconds(stat.atimeNs), time === undefined ? seconds(stat.mtimeNs) : momentOf(time));
}

/** Now with more digits than the file system's own clock has, so that two quick writes make two ETags. */
function momentOf(time: Date | "now"): number {
  return (time === "now" ? performance.timeOrigin + performance.now() : time.getTime()) / 1000;
}

function seconds(nanoseconds: bigint): number {
  return Number(nanoseconds) / 1e9;
}

/** Stored properties with the SMB properties of a request applied. */
export function withSmb(properties: FileProperties, smb: SmbProperties): FileProperties {
  const createdOn = smb.createdOn === "now" ? new Date() : smb.createdOn;
  return {
    ...properties,
    ...(smb.attributes === undefined ? {} : { attributes: smb.attributes }),
    ...(createdOn === undefined ? {} : { createdOn: createdOn.toISOString() }),
  };
}

/** SMB properties of something new, without those that say no more than the defaults. */
export function withoutDefaults(smb: SmbProperties): SmbProperties {
  return {
    attributes: smb.attributes === noAttributes ? undefined : smb.attributes,
    createdOn: smb.createdOn === "now" ? undefined : smb.createdOn,
    lastWriteOn: smb.lastWriteOn === "now" ? undefined : smb.lastWriteOn,
  };
}

/** Headers that tell the client about an open file or directory as it is now. */
export function currentHeaders(
  exchange: Exchange,
  { share, place }: Target,
  descriptor: number,
): Record<string, string> {
  const stat = fstatSync(descriptor, { bigint: true });
  return entryHeaders(place, stat, propertiesOf(exchange, share, stat));
}

/** Headers that tell the client about a file or directory. */
export function entryHeaders(place: Place, stat: BigIntStats, properties: FileProperties): Record<string, string> {
  const parent = lstatSync(place.folder, { bigint: true });
  return { ...versionHeaders(stat, properties), ...smbHeaders(stat, parent.ino, properties) };
}

/** Changes the stored properties of a file or directory, and perhaps its last write time, and answers. */
export async function changeProperties(
  exchange: Exchange,
  target: Target,
  change: (properties: FileProperties) => FileProperties,
  lastWriteOn?: FileTime,
): Promise<void> {
  await withEntry(exchange, target, "read", ({ descriptor, identity, properties }) => {
    exchange.storage.properties.setFile(target.share, identity, change(properties));
    setLastWriteTime(descriptor, lastWriteOn);
    answer(exchange, 200, currentHeaders(exchange, target, descriptor));
  });
}
