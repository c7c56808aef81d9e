import { closeSync, fchmodSync, fstatSync, futimes, futimesSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { promisify } from "node:util";
import { identityOf } from "../disk/identity.ts";
import { locate, openPlace } from "../disk/tree.ts";
import type { LocatedPlace, LocateOptions } from "../disk/tree.ts";
import { StorageError } from "../errors.ts";
import { checkConditions } from "../http/conditions.ts";
import { noAttributes } from "../http/headers.ts";
import type { FileTime, SmbProperties } from "../http/headers.ts";
import { checkLease } from "../http/leases.ts";
import type { StorageRequest } from "../http/request.ts";
import { smbHeaders, versionHeaders } from "../http/responseHeaders.ts";
import type { Lease } from "../records/lease.ts";
import { permissionOf, savePermission } from "../records/permissions.ts";
import type { FileProperties } from "../records/properties.ts";
import type { Share } from "../shares/share.ts";
import { answer, shareOf } from "./operation.ts";
import type { Exchange } from "./operation.ts";

/** Where a request points to inside its share. */
export interface Target {
  readonly share: Share;
  readonly place: LocatedPlace;
}

/** A file or directory with all that is known about it. */
export interface Known {
  readonly stat: BigIntStats;
  readonly identity: string;
  readonly properties: FileProperties;
  readonly lease: Lease | undefined;
}

/** An open file or directory. */
export interface Entry extends Known {
  readonly descriptor: number;
}

const futimesLater = promisify(futimes);

/** Header by which a request names the lease that it holds. */
export const leaseHeader = "x-ms-lease-id";

/** Finds the place that the request addresses. */
export function targetOf(exchange: Exchange, options?: Pick<LocateOptions, "looksOnly">): Target {
  const share = shareOf(exchange);
  return { share, place: placeIn(share, exchange.request, options) };
}

/** Finds the place that a request names, in its share or a snapshot of that. */
export function placeIn(
  share: Share,
  request: StorageRequest,
  options?: Pick<LocateOptions, "looksOnly">,
): LocatedPlace {
  const keepTrailingDots = request.header("x-ms-allow-trailing-dot")?.toLowerCase() === "true";
  return locate(share, request.path, { ...options, keepTrailingDots });
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
  return withDescriptor(openPlace(place, access), (descriptor) => use(checkedEntry(exchange, share, descriptor)));
}

/** What is known about an open file or directory, once conditions and leases allow what the request wants. */
export function checkedEntry(exchange: Exchange, share: Share, descriptor: number): Entry {
  return { descriptor, ...checkedKnown(exchange, share, fstatSync(descriptor, { bigint: true })) };
}

/** What is known about a file or directory, once conditions and leases allow what the request wants. */
export function checkedKnown(exchange: Exchange, share: Share, stat: BigIntStats): Known {
  const identity = identityOf(stat);
  const known = { stat, identity, ...exchange.storage.properties.fileAndLease(share, identity) };
  checkAccess(exchange, known);
  return known;
}

/** Throws when a lease, a copy under way or a condition of the request stands against it. */
function checkAccess({ request, storage }: Exchange, { stat, identity, properties, lease }: Known): void {
  const isWriting = !["GET", "HEAD"].includes(request.method);
  if (stat.isFile()) {
    checkLease(request, lease, { kind: "file", needsLease: isWriting });
    if (isWriting && storage.copies.isUnderWay(identity)) throw new StorageError("PendingCopyOperation");
  }
  checkConditions(request, { stat, properties });
}

/** A request whose lease is the one that another header names: renaming knows two of them. */
export function withLeaseFrom(request: StorageRequest, header: string): StorageRequest {
  return { ...request, header: (name) => request.header(name === leaseHeader ? header : name) };
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

/** Sets the last write time of an open file, once those who write to it let go of it. */
export function setLastWriteTimeLater(descriptor: number, time: Date | "now"): Promise<void> {
  const { atimeNs } = fstatSync(descriptor, { bigint: true });
  return futimesLater(descriptor, Number(atimeNs) / 1e9, momentOf(time));
}

/** Sets the last write time of an open file or directory; undefined leaves it. Either way the change time is now. */
export function setLastWriteTime(descriptor: number, time: FileTime): void {
  const { mode, atimeNs } = fstatSync(descriptor, { bigint: true });
  // Giving a file the mode that it has changes nothing but the change time, to which a number of seconds is too coarse.
  if (time === undefined) fchmodSync(descriptor, Number(mode) & 0o7777);
  else futimesSync(descriptor, Number(atimeNs) / 1e9, momentOf(time));
}

/** Now with more digits than the file system's own clock has, so that two quick writes make two ETags. */
function momentOf(time: Date | "now"): number {
  if (time === "now") return (performance.timeOrigin + performance.now()) / 1000;
  // Microseconds are cut off on the way to the file system: half of one keeps a fraction that falls short from losing more.
  return time.getTime() / 1000 + 5e-7;
}

/** Stored properties with the SMB properties of a request applied, but for the times that {@link store} sets. */
export function withSmb(
  exchange: Exchange,
  share: Share,
  properties: FileProperties,
  smb: SmbProperties,
): FileProperties {
  const createdOn = smb.createdOn === "now" ? new Date() : smb.createdOn;
  const permissionKey = permissionKeyOf(exchange, share, smb.permission);
  return {
    ...properties,
    ...(smb.attributes === undefined ? {} : { attributes: smb.attributes }),
    ...(createdOn === undefined ? {} : { createdOn: createdOn.toISOString() }),
    ...(permissionKey === undefined ? {} : { permissionKey }),
  };
}

function permissionKeyOf(
  { storage }: Exchange,
  share: Share,
  permission: SmbProperties["permission"],
): string | undefined {
  if (permission === undefined) return undefined;
  if ("text" in permission) return savePermission(storage.properties, share, permission.text);
  permissionOf(storage.properties, share, permission.key);
  return permission.key;
}

/** SMB properties of something new, without those that say no more than the defaults. */
export function withoutDefaults(smb: SmbProperties): SmbProperties {
  return {
    ...smb,
    attributes: smb.attributes === noAttributes ? undefined : smb.attributes,
    createdOn: smb.createdOn === "now" ? undefined : smb.createdOn,
    lastWriteOn: smb.lastWriteOn === "now" ? undefined : smb.lastWriteOn,
  };
}

/** Times that belong to the file system, and are set together with what is stored beside it. */
export type StoredTimes = Pick<SmbProperties, "lastWriteOn" | "changedOn">;

/** Sets the times of an open file or directory and stores its properties. What was known of its content stays known. */
export function store(
  { storage }: Exchange,
  share: Share,
  descriptor: number,
  properties: FileProperties,
  { lastWriteOn, changedOn }: StoredTimes,
): void {
  const before = fstatSync(descriptor, { bigint: true });
  const end = lastWriteOn === undefined || before.isDirectory() ? undefined : storage.written.begin(before);
  setLastWriteTime(descriptor, lastWriteOn);
  const after = fstatSync(descriptor, { bigint: true });
  end?.(after, {});
  const { contentMd5, changeTime, ...others } = properties;
  const isCurrent = contentMd5?.modified === String(before.mtimeNs);
  storage.properties.setFile(share, identityOf(after), {
    ...others,
    contentMd5: isCurrent ? { ...contentMd5, modified: String(after.mtimeNs) } : contentMd5,
    changeTime:
      changedOn instanceof Date ? { value: changedOn.toISOString(), changed: String(after.ctimeNs) } : changeTime,
  });
}

/** Drops what is known about a file that is gone, unless it has another name: a hard link that a job made. */
export function forget({ storage }: Exchange, share: Share, stat: BigIntStats): void {
  if (stat.nlink > 1n) return;
  storage.properties.forgetFile(share, identityOf(stat));
  storage.written.forget(stat);
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
export function entryHeaders(
  { folderId }: LocatedPlace,
  stat: BigIntStats,
  properties: FileProperties,
): Record<string, string> {
  return { ...versionHeaders(stat, properties), ...smbHeaders(stat, folderId, properties) };
}

/** Changes the stored properties of a file or directory, and perhaps its times, and answers. */
export async function changeProperties(
  exchange: Exchange,
  target: Target,
  change: (properties: FileProperties) => FileProperties,
  times: StoredTimes = { lastWriteOn: undefined, changedOn: undefined },
): Promise<void> {
  await withEntry(exchange, target, "read", ({ descriptor, properties }) => {
    store(exchange, target.share, descriptor, change(properties), times);
    answer(exchange, 200, currentHeaders(exchange, target, descriptor));
  });
}
