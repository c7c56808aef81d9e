import { createHash } from "node:crypto";
import type { BigIntStats } from "node:fs";
import type { FileProperties, Metadata, ShareProperties } from "./properties.ts";
import type { Share } from "./storage.ts";

/**
 * Names a file for as long as it exists: inode numbers are used again soon after a file is deleted, but never with the
 * same time of birth.
 */
export function identityOf(stat: BigIntStats): string {
  return `${stat.ino}-${stat.birthtimeNs}`;
}

/** Response headers of anything that has an ETag and a time of change. */
export function versionHeaders(stat: BigIntStats, properties: FileProperties): Record<string, string> {
  return { etag: etagOf(stat, properties), "last-modified": stat.ctime.toUTCString() };
}

/** ETag that changes with every change of content or properties, whoever makes it. */
export function etagOf(stat: BigIntStats, properties: FileProperties): string {
  const state = [stat.ino, stat.ctimeNs, stat.mtimeNs, stat.isFile() ? stat.size : 0, properties.revision ?? 0];
  return quotedHash(state.join("."));
}

function quotedHash(state: string): string {
  return `"0x8D${createHash("sha1").update(state).digest("hex").slice(0, 13).toUpperCase()}"`;
}

/** SMB properties: attributes, the times and ids. They mirror the file system where it knows them. */
export function smbHeaders(stat: BigIntStats, parentId: bigint, properties: FileProperties): Record<string, string> {
  return {
    "x-ms-file-attributes": attributesOf(stat, properties),
    "x-ms-file-creation-time": creationTimeOf(stat, properties),
    "x-ms-file-last-write-time": ticks(stat.mtime),
    "x-ms-file-change-time": ticks(stat.ctime),
    "x-ms-file-id": String(stat.ino),
    "x-ms-file-parent-id": String(parentId),
  };
}

/** SMB attributes as the wire spells them. */
export function attributesOf(stat: BigIntStats, properties: FileProperties): string {
  if (stat.isFile()) return properties.attributes ?? "Archive";
  const others = (properties.attributes ?? "").split(" | ").filter((word) => !["", "None", "Directory"].includes(word));
  return [...others, "Directory"].join(" | ");
}

/** Creation time in the wire's form. */
export function creationTimeOf(stat: BigIntStats, properties: FileProperties): string {
  return ticks(properties.createdOn === undefined ? stat.birthtime : new Date(properties.createdOn));
}

/** A time with the seven decimals of Windows. */
export function ticks(time: Date): string {
  return time.toISOString().replace("Z", "0000Z");
}

/** User metadata as response headers. */
export function metadataHeaders(metadata: Metadata | undefined): Record<string, string> {
  return Object.fromEntries((metadata ?? []).map(([name, value]) => [`x-ms-meta-${name}`, value]));
}

/** Content headers of a file; `content-md5` only while it still speaks of the bytes that are there. */
export function contentHeaders(stat: BigIntStats, properties: FileProperties): Record<string, string> {
  const md5 = properties.contentMd5;
  return {
    "content-type": "application/octet-stream",
    ...properties.contentHeaders,
    ...(md5?.modified === String(stat.mtimeNs) ? { "content-md5": md5.value } : {}),
  };
}

/** Quota of a share that was created without one, in GiB. */
const defaultQuota = 5120;

/** Response headers and listing fields of a share. */
export function describeShare(share: Share, properties: ShareProperties) {
  const changedOn = properties.changedOn === undefined ? share.stat.birthtime : new Date(properties.changedOn);
  return {
    etag: quotedHash(`${identityOf(share.stat)}.${properties.revision ?? 0}`),
    lastModified: changedOn.toUTCString(),
    quota: String(properties.quota ?? defaultQuota),
  };
}
