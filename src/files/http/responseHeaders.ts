import { hash } from "node:crypto";
import type { BigIntStats } from "node:fs";
import { originalState } from "../records/originalState.ts";
import type { FileCopy, FileProperties, Metadata, ShareIdentity, ShareProperties } from "../records/properties.ts";
import { httpDate, millisecondsOf, ticks } from "../times.ts";

/** Response headers of anything that has an ETag and a time of change. */
export function versionHeaders(stat: BigIntStats, properties: FileProperties): Record<string, string> {
  const { ctimeNs } = originalState(stat, properties);
  return { etag: etagOf(stat, properties), "last-modified": httpDate(millisecondsOf(ctimeNs)) };
}

/** ETag that changes with every change of content or properties, whoever makes it. */
export function etagOf(stat: BigIntStats, properties: FileProperties): string {
  const { ino, ctimeNs, mtimeNs } = originalState(stat, properties);
  return quotedHash([ino, ctimeNs, mtimeNs, stat.isFile() ? stat.size : 0, properties.revision ?? 0].join("."));
}

function quotedHash(state: string): string {
  return `"0x8D${hash("sha1", state).slice(0, 13).toUpperCase()}"`;
}

/** SMB properties: attributes, the times and ids. They mirror the file system where it knows them. */
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

/** Headers that tell the client about a file or directory: its version and its SMB properties. */
export function entryHeaders(stat: BigIntStats, parentId: bigint, properties: FileProperties): Record<string, string> {
  return { ...versionHeaders(stat, properties), ...smbHeaders(stat, parentId, properties) };
}

/** SMB attributes as the wire spells them. */
export function attributesOf(stat: BigIntStats, properties: FileProperties): string {
  if (stat.isFile()) return properties.attributes ?? "Archive";
  const others = (properties.attributes ?? "").split(" | ").filter((word) => !["", "None", "Directory"].includes(word));
  return [...others, "Directory"].join(" | ");
}

/** Creation time in the wire's form. */
export function creationTimeOf(stat: BigIntStats, properties: FileProperties): string {
  const { birthtimeNs } = originalState(stat, properties);
  return ticks(properties.createdOn === undefined ? millisecondsOf(birthtimeNs) : Date.parse(properties.createdOn));
}

/** Change time in the wire's form: the one that a client set, until anything changes again. */
export function changeTimeOf(stat: BigIntStats, properties: FileProperties): string {
  const { ctimeNs } = originalState(stat, properties);
  const set = properties.changeTime;
  return ticks(set?.changed === String(ctimeNs) ? Date.parse(set.value) : millisecondsOf(ctimeNs));
}

/** How the copy that a file is, or was to become, stands. */
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

/** User metadata as response headers. */
export function metadataHeaders(metadata: Metadata | undefined): Record<string, string> {
  return Object.fromEntries((metadata ?? []).map(([name, value]) => [`x-ms-meta-${name}`, value]));
}

/** Content headers of a file; `content-md5` only while it still speaks of the bytes that are there. */
export function contentHeaders(stat: BigIntStats, properties: FileProperties): Record<string, string> {
  const md5 = properties.contentMd5;
  const { mtimeNs } = originalState(stat, properties);
  return {
    "content-type": "application/octet-stream",
    ...properties.contentHeaders,
    ...(md5?.modified === String(mtimeNs) ? { "content-md5": md5.value } : {}),
  };
}

/** Quota of a share that was created without one, in GiB. */
const defaultQuota = 5120;

/** What is needed of a share to describe it. */
export interface DescribedShare extends ShareIdentity {
  readonly stat: Pick<BigIntStats, "birthtime">;
}

/** Response headers and listing fields of a share or snapshot. */
export function describeShare(share: DescribedShare, properties: ShareProperties) {
  const changedOn = properties.changedOn === undefined ? share.stat.birthtime : new Date(properties.changedOn);
  return {
    etag: quotedHash(`${properties.base ?? share.identity}.${properties.revision ?? 0}`),
    lastModified: httpDate(changedOn.getTime()),
    quota: String(properties.quota ?? defaultQuota),
  };
}
