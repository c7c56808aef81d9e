import { hash } from "node:crypto";
import type { BigIntStats } from "node:fs";
import { originalState } from "../records/originalState.ts";
import type { FileCopy, FileProperties, Metadata, ShareIdentity, ShareProperties } from "../records/properties.ts";
import { httpDate, millisecondsOf, ticks } from "../times.ts";

/** Returns the ETag and the time of the last change. */
export function versionHeaders(stat: BigIntStats, properties: FileProperties): Record<string, string> {
  const { ctimeNs } = originalState(stat, properties);
  return { etag: etagOf(stat, properties), "last-modified": httpDate(millisecondsOf(ctimeNs)) };
}

/** Returns an ETag that changes with every change of content or properties, including changes on the disk. */
export function etagOf(stat: BigIntStats, properties: FileProperties): string {
  const { ino, ctimeNs, mtimeNs } = originalState(stat, properties);
  return quotedHash([ino, ctimeNs, mtimeNs, stat.isFile() ? stat.size : 0, properties.revision ?? 0].join("."));
}

function quotedHash(state: string): string {
  return `"0x8D${hash("sha1", state).slice(0, 13).toUpperCase()}"`;
}

/**
 * Returns the SMB properties: attributes, times and IDs. They are those of the file system, unless a client set others.
 */
function smbHeaders(stat: BigIntStats, parentId: bigint, properties: FileProperties): Record<string, string> {
  const { ino, mtimeNs } = originalState(stat, properties);
  return {
    "x-ms-file-attributes": attributesOf(stat, properties),
    "x-ms-file-creation-time": creationTimeOf(stat, properties),
    "x-ms-file-last-write-time": ticks(millisecondsOf(mtimeNs)),
    "x-ms-file-change-time": changeTimeOf(stat, properties),
    "x-ms-file-id": String(ino),
    "x-ms-file-parent-id": properties.original?.parentIno ?? String(parentId),
    ...(properties.permissionKey === undefined ? {} : { "x-ms-file-permission-key": properties.permissionKey }),
  };
}

/** Returns the headers of a file or directory: its version and its SMB properties. */
export function entryHeaders(stat: BigIntStats, parentId: bigint, properties: FileProperties): Record<string, string> {
  return { ...versionHeaders(stat, properties), ...smbHeaders(stat, parentId, properties) };
}

/** Returns the SMB attributes as in the API. */
export function attributesOf(stat: BigIntStats, properties: FileProperties): string {
  if (stat.isFile()) return properties.attributes ?? "Archive";
  const others = (properties.attributes ?? "").split(" | ").filter((word) => !["", "None", "Directory"].includes(word));
  return [...others, "Directory"].join(" | ");
}

/** Returns the creation time as in the API. */
export function creationTimeOf(stat: BigIntStats, properties: FileProperties): string {
  const { birthtimeNs } = originalState(stat, properties);
  return ticks(properties.createdOn === undefined ? millisecondsOf(birthtimeNs) : Date.parse(properties.createdOn));
}

/** Returns the change time as in the API. A time that a client set applies until the next change. */
export function changeTimeOf(stat: BigIntStats, properties: FileProperties): string {
  const { ctimeNs } = originalState(stat, properties);
  const set = properties.changeTime;
  return ticks(set?.changed === String(ctimeNs) ? Date.parse(set.value) : millisecondsOf(ctimeNs));
}

/** Returns the status of the copy operation that created a file, or failed to. */
export function copyHeaders(copy: FileCopy | undefined, copied: number): Record<string, string> {
  if (copy === undefined) return {};
  return {
    "x-ms-copy-id": copy.id,
    "x-ms-copy-source": copy.source,
    "x-ms-copy-status": copy.status,
    "x-ms-copy-progress": `${copied}/${copy.size}`,
    ...(copy.completedOn === undefined ? {} : { "x-ms-copy-completion-time": httpDate(Date.parse(copy.completedOn)) }),
    ...(copy.description === undefined ? {} : { "x-ms-copy-status-description": copy.description }),
  };
}

/** Returns user metadata as response headers. */
export function metadataHeaders(metadata: Metadata | undefined): Record<string, string> {
  return Object.fromEntries((metadata ?? []).map(([name, value]) => [`x-ms-meta-${name}`, value]));
}

/**
 * Returns the content headers of a file. They include `content-md5` only if the content has not changed since it was
 * set.
 */
export function contentHeaders(stat: BigIntStats, properties: FileProperties): Record<string, string> {
  const md5 = properties.contentMd5;
  const { mtimeNs } = originalState(stat, properties);
  return {
    "content-type": "application/octet-stream",
    ...properties.contentHeaders,
    ...(md5?.modified === String(mtimeNs) ? { "content-md5": md5.value } : {}),
  };
}

/** Quota in GiB of a share that was created without one. */
const defaultQuota = 5120;

/** A share as {@link describeShare} needs it. */
export interface DescribedShare extends ShareIdentity {
  readonly stat: Pick<BigIntStats, "birthtime">;
}

/** Returns the fields of a share or snapshot for headers and lists. */
export function describeShare(share: DescribedShare, properties: ShareProperties) {
  const changedOn = properties.changedOn === undefined ? share.stat.birthtime : new Date(properties.changedOn);
  return {
    etag: quotedHash(`${properties.base ?? share.identity}.${properties.revision ?? 0}`),
    lastModified: httpDate(changedOn.getTime()),
    quota: String(properties.quota ?? defaultQuota),
  };
}
