import { createHash } from "node:crypto";
import type { BigIntStats } from "node:fs";
import { lengthOf, splitAtPages, wholeFile } from "../disk/byteRanges.ts";
import type { ByteRange } from "../disk/byteRanges.ts";
import { clearContent, readRange, writeAll } from "../disk/content.ts";
import { statOf } from "../disk/descriptor.ts";
import { setLastWriteTimeLater } from "../disk/lastWriteTime.ts";
import { StorageError } from "../errors.ts";
import { flagHeader, invalid } from "../http/headers.ts";
import { leaseHeader } from "../http/leases.ts";
import { rangeHeader, rangeToRead, rangeToWrite } from "../http/rangeHeaders.ts";
import type { StorageRequest } from "../http/request.ts";
import { contentHeaders } from "../http/responseHeaders.ts";
import { sendContent } from "../http/sendContent.ts";
import { md5Header, uploadLength, withUpload } from "../http/uploads.ts";
import type { RangeChange } from "../records/writtenRanges.ts";
import { checkedOpenEntry, refuseReadOnly, withEntry } from "./entry.ts";
import type { OpenEntry } from "./entry.ts";
import { currentHeaders } from "./entryProperties.ts";
import { respond } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";
import { fileHeaders } from "./files.ts";
import type { StorageOperation } from "./operation.ts";
import { fileTarget } from "./target.ts";
import type { Target } from "./target.ts";

/** Largest range, in bytes, whose MD5 a client can request. */
const largestHashedRange = 4 * 1024 * 1024;

async function getFile(exchange: Exchange): Promise<void> {
  const target = fileTarget(exchange);
  await withEntry(exchange, target, "read", async (entry) => {
    const size = Number(entry.stat.size);
    const header = rangeHeader(exchange.request);
    const range = header === undefined ? wholeFile(size) : rangeToRead(header, size);
    const headers = {
      ...fileHeaders(exchange, target, entry),
      ...(await contentHeadersFor(exchange, entry, header === undefined ? undefined : range)),
      ...exchange.grant.overrides,
      "accept-ranges": "bytes",
      "content-length": String(lengthOf(range)),
      ...(header === undefined ? {} : { "content-range": `bytes ${range.start}-${range.end}/${size}` }),
    };
    exchange.response.writeHead(header === undefined ? 200 : 206, headers);
    await sendContent(entry.descriptor, range, exchange.response);
  });
}

/** For a part of a file, `content-md5` is the hash of that part, and returned only on request. */
async function contentHeadersFor(
  exchange: Exchange,
  entry: OpenEntry,
  range: ByteRange | undefined,
): Promise<Record<string, string>> {
  const { "content-md5": md5, ...headers } = contentHeaders(entry.stat, entry.properties);
  const wantsHash = flagHeader(exchange.request, "x-ms-range-get-content-md5");
  if (wantsHash && (range === undefined || lengthOf(range) > largestHashedRange)) invalid("x-ms-range-get-content-md5");
  if (range === undefined) return md5 === undefined ? headers : { ...headers, "content-md5": md5 };
  return {
    ...headers,
    ...(md5 === undefined ? {} : { "x-ms-content-md5": md5 }),
    ...(wantsHash ? { "content-md5": await md5Of(entry.descriptor, range) } : {}),
  };
}

async function md5Of(descriptor: number, range: ByteRange): Promise<string> {
  return createHash("md5")
    .update(await readRange(descriptor, range))
    .digest("base64");
}

async function putRange(exchange: Exchange): Promise<void> {
  const { request } = exchange;
  const target = fileTarget(exchange);
  const mode = request.header("x-ms-write")?.toLowerCase();
  if (mode !== "update" && mode !== "clear") invalid("x-ms-write");
  const keepsTime = keepsLastWriteTime(request);
  await withEntry(exchange, target, "write", async (entry) => {
    const range = writableRange(request, entry);
    if (mode === "update") {
      if (uploadLength(request) !== lengthOf(range)) invalid("content-length");
      await withUpload(exchange, exchange.storage.accountFolder(request.account), (content) =>
        writeRange(exchange, target, entry.descriptor, { range, content, keepsTime }),
      );
    } else {
      if ((request.header("content-length") ?? "0") !== "0") invalid("content-length");
      await clearRange(exchange, target, entry, range, keepsTime);
    }
    respond(exchange, 201, {
      ...currentHeaders(exchange, target, entry.descriptor),
      ...md5Header(request),
      "x-ms-request-server-encrypted": "false",
    });
  });
}

/** Whether a write leaves the last write time unchanged. */
export function keepsLastWriteTime(request: StorageRequest): boolean {
  const time = request.header("x-ms-file-last-write-time")?.toLowerCase() ?? "now";
  return time === "preserve" || (time === "now" ? false : invalid("x-ms-file-last-write-time"));
}

/** Returns the range that a request writes. Throws if the file is read-only or the range is not in the file. */
export function writableRange(request: StorageRequest, { properties, stat }: OpenEntry): ByteRange {
  refuseReadOnly(properties);
  return rangeToWrite(rangeHeader(request), Number(stat.size));
}

/** Bytes to write to a file. */
export interface RangeWrite {
  readonly range: ByteRange;
  readonly content: Buffer;
  readonly keepsTime: boolean;
}

/** Writes received bytes. Checks the file again, because it may have changed while they were received. */
export async function writeRange(
  exchange: Exchange,
  target: Target,
  descriptor: number,
  { range, content, keepsTime }: RangeWrite,
): Promise<void> {
  const entry = checkedOpenEntry(exchange, target.share, descriptor);
  if (entry.stat.nlink === 0n) throw new StorageError("ResourceNotFound");
  writableRange(exchange.request, entry);
  const write = (): Promise<void> => writeAll(descriptor, content, range.start);
  await changeContent(exchange, target, entry, { written: [range] }, keepsTime, write);
}

async function clearRange(
  exchange: Exchange,
  target: Target,
  entry: OpenEntry,
  range: ByteRange,
  keepsTime: boolean,
): Promise<void> {
  const { pages, edges } = splitAtPages(range);
  await changeContent(exchange, target, entry, { written: edges, cleared: pages }, keepsTime, async () => {
    if (pages !== undefined) await clearContent(entry.descriptor, pages);
    for (const edge of edges) await writeAll(entry.descriptor, Buffer.alloc(lengthOf(edge)), edge.start);
  });
}

async function changeContent(
  { storage }: Exchange,
  { share }: Target,
  { descriptor, stat, identity }: OpenEntry,
  change: RangeChange,
  keepsTime: boolean,
  write: () => Promise<void>,
): Promise<void> {
  const end = storage.written.begin(statOf(descriptor));
  const now = (): BigIntStats => statOf(descriptor);
  try {
    await write();
    // Of concurrent writes, the last to end sets the time. The others would only wait for it.
    if (keepsTime) await setLastWriteTimeLater(descriptor, stat.mtime);
    else if (!storage.written.isChangedByOthers(stat)) await setLastWriteTimeLater(descriptor, "now");
    end(now(), change);
  } catch (error) {
    // It is unknown how much was written.
    end(now(), { written: [...(change.written ?? []), ...(change.cleared === undefined ? [] : [change.cleared])] });
    throw error;
  }
  const properties = storage.properties.file(share, identity);
  if (properties.contentMd5 !== undefined) {
    // The client set this hash for the content that it is uploading now.
    const contentMd5 = { ...properties.contentMd5, modified: String(now().mtimeNs) };
    storage.properties.setFile(share, identity, { ...properties, contentMd5 });
  }
}

const onFile = { level: "file", resourceType: "o" } as const;

/** Operations on the content of a file. */
export const rangeOperations: readonly StorageOperation[] = [
  {
    ...onFile,
    methods: ["GET"],
    permissions: "r",
    headers: [leaseHeader, "x-ms-range", "x-ms-range-get-content-md5"],
    run: getFile,
  },
  {
    ...onFile,
    methods: ["PUT"],
    comp: "range",
    permissions: "w",
    headers: [leaseHeader, "x-ms-range", "x-ms-write", "x-ms-file-last-write-time"],
    run: putRange,
  },
];
