import type { FileTime } from "../disk/lastWriteTime.ts";
import { StorageError } from "../errors.ts";
import type { Metadata } from "../records/properties.ts";
import type { StorageRequest } from "./request.ts";

const metadataPrefix = "x-ms-meta-";
const largestMetadata = 8 * 1024;
/** Longest security descriptor in a header. Longer ones must be stored in the share first, and named by their key. */
const longestPermission = 8 * 1024;
const knownAttributes = new Set([
  "ReadOnly",
  "Hidden",
  "System",
  "Directory",
  "Archive",
  "Temporary",
  "Offline",
  "NotContentIndexed",
  "NoScrubData",
]);

/** Value that sets no attribute. On a new file, it means the default. */
export const noAttributes = "None";

/** Request headers that set the content headers of a file, and the headers that reads return. */
const contentHeaderNames = [
  ["x-ms-content-type", "content-type"],
  ["x-ms-content-encoding", "content-encoding"],
  ["x-ms-content-language", "content-language"],
  ["x-ms-cache-control", "cache-control"],
  ["x-ms-content-disposition", "content-disposition"],
] as const;

/** Names of the request headers that {@link contentHeadersOf} and {@link contentMd5Of} read. */
export const contentHeadersRead: readonly string[] = [...contentHeaderNames.map(([name]) => name), "x-ms-content-md5"];

/** Names of the request headers that {@link smbPropertiesOf} reads. */
export const smbHeadersRead: readonly string[] = [
  "x-ms-file-attributes",
  "x-ms-file-creation-time",
  "x-ms-file-last-write-time",
  "x-ms-file-change-time",
  "x-ms-file-permission",
  "x-ms-file-permission-format",
  "x-ms-file-permission-key",
];

/** Returns the content headers that a request sets, by the name that reads return. */
export function contentHeadersOf(request: StorageRequest): Record<string, string> {
  return Object.fromEntries(
    contentHeaderNames.flatMap(([name, answered]) => {
      const value = request.header(name);
      return value === undefined || value === "" ? [] : [[answered, value]];
    }),
  );
}

/** Returns the MD5 to store with the file, in Base64. */
export function contentMd5Of(request: StorageRequest): string | undefined {
  const value = request.header("x-ms-content-md5");
  return value === undefined || value === "" ? undefined : checkMd5(value);
}

/** Checks that a value is an MD5 in Base64, and returns it. */
export function checkMd5(value: string): string {
  if (!/^[A-Za-z0-9+/]{22}==$/.test(value)) throw new StorageError("InvalidMd5");
  return value;
}

/** Returns the user metadata of a request. Names keep the spelling of the client. */
export function metadataOf(request: StorageRequest): Metadata {
  const raw = request.message.rawHeaders;
  const metadata: (readonly [string, string])[] = [];
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] ?? "";
    if (name.toLowerCase().startsWith(metadataPrefix)) {
      metadata.push([checkMetadataName(name.slice(metadataPrefix.length)), raw[index + 1] ?? ""]);
    }
  }
  const names = new Set(metadata.map(([name]) => name.toLowerCase()));
  if (names.size < metadata.length) throw new StorageError("InvalidMetadata");
  const size = metadata.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (size > largestMetadata) throw new StorageError("MetadataTooLarge");
  return metadata;
}

function checkMetadataName(name: string): string {
  if (name === "") throw new StorageError("EmptyMetadataKey");
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new StorageError("InvalidMetadata", { subject: name });
  return name;
}

/** SMB properties that a request sets. An undefined one is left unchanged, or gets its default on a new file. */
export interface SmbProperties {
  readonly attributes: string | undefined;
  readonly createdOn: FileTime;
  readonly lastWriteOn: FileTime;
  readonly changedOn: FileTime;
  /** A security descriptor, or the key of one that is stored in the share. */
  readonly permission: { readonly text: string } | { readonly key: string } | undefined;
}

/**
 * Returns the SMB properties that a request sets. They are stored but not enforced: the account key or SAS determines
 * the access.
 */
export function smbPropertiesOf(request: StorageRequest): SmbProperties {
  return {
    attributes: requestedAttributes(request),
    createdOn: requestedTime(request, "x-ms-file-creation-time"),
    lastWriteOn: requestedTime(request, "x-ms-file-last-write-time"),
    changedOn: requestedTime(request, "x-ms-file-change-time"),
    permission: requestedPermission(request),
  };
}

function requestedPermission(request: StorageRequest): SmbProperties["permission"] {
  const text = request.header("x-ms-file-permission") ?? "inherit";
  const key = request.header("x-ms-file-permission-key");
  const format = request.header("x-ms-file-permission-format") ?? "sddl";
  if (!/^sddl$/i.test(format)) throw new StorageError("UnsupportedHeader", { subject: "x-ms-file-permission-format" });
  const asksForNothing = /^(inherit|preserve)$/i.test(text);
  if (key !== undefined) return asksForNothing ? { key } : invalid("x-ms-file-permission-key");
  if (text.length > longestPermission) invalid("x-ms-file-permission");
  return asksForNothing ? undefined : { text };
}

function requestedAttributes(request: StorageRequest): string | undefined {
  const value = request.header("x-ms-file-attributes") ?? "preserve";
  if (/^preserve$/i.test(value)) return undefined;
  if (/^none$/i.test(value)) return noAttributes;
  const words = value.split("|").map((word) => word.trim());
  if (!words.every((word) => knownAttributes.has(word))) invalid("x-ms-file-attributes");
  return words.join(" | ");
}

function requestedTime(request: StorageRequest, header: string): FileTime {
  const value = request.header(header) ?? "preserve";
  if (/^preserve$/i.test(value)) return undefined;
  if (/^now$/i.test(value)) return "now";
  const time = new Date(value);
  if (Number.isNaN(time.getTime())) invalid(header);
  return time;
}

/** Rejects the value of a header. */
export function invalid(header: string): never {
  throw new StorageError("InvalidHeaderValue", { subject: header });
}

/** Returns the value of a header that must be an integer of at least 0; undefined if the header is absent. */
export function countHeader(request: StorageRequest, header: string): number | undefined {
  const value = request.header(header);
  if (value === undefined) return undefined;
  const count = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(count)) invalid(header);
  return count;
}

/** Returns the value of a header that must be `true` or `false`; false if the header is absent. */
export function flagHeader(request: StorageRequest, header: string): boolean {
  const value = request.header(header)?.toLowerCase() ?? "false";
  if (value !== "true" && value !== "false") invalid(header);
  return value === "true";
}

/** 4 TiB, the largest file of Azure Files. */
const largestFile = 4 * 1024 ** 4;

/** Returns the size that a request sets for a file; undefined if it sets none. */
export function fileSizeOf(request: StorageRequest): number | undefined {
  const header = "x-ms-content-length";
  const size = countHeader(request, header);
  if (size !== undefined && size > largestFile) throw new StorageError("OutOfRangeInput", { subject: header });
  return size;
}
