import { createHash } from "node:crypto";
import { fstatSync } from "node:fs";
import { clearContent, readRange, receiveContent, sendContent } from "../content.ts";
import { contentHeaders } from "../description.ts";
import { StorageError } from "../errors.ts";
import { invalid } from "../headers.ts";
import { lengthOf, rangeHeader, rangeToRead, rangeToWrite } from "../ranges.ts";
import type { ByteRange } from "../ranges.ts";
import { toXml } from "../xml.ts";
import { currentHeaders, refuseReadOnly, setLastWriteTime, withEntry } from "./entries.ts";
import type { Entry } from "./entries.ts";
import { fileHeaders, fileTarget } from "./files.ts";
import { answer, answerXml } from "./operation.ts";
import type { Exchange, Operation } from "./operation.ts";

/** Largest range whose MD5 a client may ask for. */
const largestHashedRange = 4 * 1024 * 1024;

async function getFile(exchange: Exchange): Promise<void> {
  const target = fileTarget(exchange);
  await withEntry(exchange, target, "read", async (entry) => {
    const size = Number(entry.stat.size);
    const header = rangeHeader(exchange.request);
    const range = header === undefined ? { start: 0, end: size - 1 } : rangeToRead(header, size);
    const headers = {
      ...fileHeaders(target, entry),
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

/** Of a part of a file, Content-MD5 is the part's own hash, and given only on demand. */
async function contentHeadersFor(
  exchange: Exchange,
  entry: Entry,
  range: ByteRange | undefined,
): Promise<Record<string, string>> {
  const { "content-md5": md5, ...headers } = contentHeaders(entry.stat, entry.properties);
  const wantsHash = exchange.request.header("x-ms-range-get-content-md5")?.toLowerCase() === "true";
  if (wantsHash && (range === undefined || lengthOf(range) > largestHashedRange)) invalid("x-ms-range-get-content-md5");
  if (range === undefined) return md5 === undefined ? headers : { ...headers, "content-md5": md5 };
  return {
    ...headers,
    ...(md5 === undefined ? {} : { "x-ms-content-md5": md5 }),
    ...(wantsHash ? { "content-md5": await hashOf(entry.descriptor, range) } : {}),
  };
}

async function hashOf(descriptor: number, range: ByteRange): Promise<string> {
  return createHash("md5")
    .update(await readRange(descriptor, range))
    .digest("base64");
}

async function putRange(exchange: Exchange): Promise<void> {
  const { request, response, storage } = exchange;
  const target = fileTarget(exchange);
  const mode = request.header("x-ms-write")?.toLowerCase();
  if (mode !== "update" && mode !== "clear") invalid("x-ms-write");
  const time = request.header("x-ms-file-last-write-time")?.toLowerCase() ?? "now";
  if (time !== "now" && time !== "preserve") invalid("x-ms-file-last-write-time");
  await withEntry(exchange, target, "write", async ({ descriptor, stat, identity, properties }) => {
    refuseReadOnly(properties);
    const range = rangeToWrite(rangeHeader(request), Number(stat.size));
    if (mode === "update") await receiveContent(request, response, descriptor, range);
    else await clearContent(descriptor, range, Number(stat.size));
    setLastWriteTime(descriptor, time === "now" ? "now" : new Date(Number(stat.mtimeNs) / 1e6));
    if (properties.contentMd5 !== undefined) {
      // The client set this hash for the content that it is just uploading.
      const { mtimeNs } = fstatSync(descriptor, { bigint: true });
      const contentMd5 = { ...properties.contentMd5, modified: String(mtimeNs) };
      storage.properties.setFile(target.share, identity, { ...properties, contentMd5 });
    }
    const md5 = request.header("content-md5");
    answer(exchange, 201, {
      ...currentHeaders(exchange, target, descriptor),
      ...(md5 === undefined ? {} : { "content-md5": md5 }),
      "x-ms-request-server-encrypted": "false",
    });
  });
}

/** A plain folder does not tell data from holes, so the whole file counts as data. */
async function listRanges(exchange: Exchange): Promise<void> {
  if (exchange.request.query.has("prevsharesnapshot")) throw new StorageError("ShareSnapshotNotFound");
  await withEntry(exchange, fileTarget(exchange), "read", ({ stat }) => {
    const size = Number(stat.size);
    const header = rangeHeader(exchange.request);
    const ranges = size === 0 ? [] : [header === undefined ? { start: 0, end: size - 1 } : rangeToRead(header, size)];
    exchange.response.setHeader("x-ms-content-length", size);
    answerXml(exchange, toXml("Ranges", { Range: ranges.map(({ start, end }) => ({ Start: start, End: end })) }));
  });
}

const onFile = { level: "file", resourceType: "o" } as const;

/** Operations on the bytes of a file. */
export const rangeOperations: readonly Operation[] = [
  {
    ...onFile,
    methods: ["GET"],
    permissions: "r",
    headers: ["x-ms-range", "x-ms-range-get-content-md5"],
    run: getFile,
  },
  {
    ...onFile,
    methods: ["PUT"],
    comp: "range",
    permissions: "w",
    headers: ["x-ms-range", "x-ms-write", "x-ms-file-last-write-time"],
    run: putRange,
  },
  { ...onFile, methods: ["GET"], comp: "rangelist", permissions: "r", headers: ["x-ms-range"], run: listRanges },
];
