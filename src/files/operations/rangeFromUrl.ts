import { lengthOf } from "../disk/byteRanges.ts";
import { readRange } from "../disk/content.ts";
import { statOf, withDescriptor } from "../disk/descriptor.ts";
import { openPlace, requireFile } from "../disk/tree.ts";
import { StorageError } from "../errors.ts";
import { crc64 } from "../http/crc64.ts";
import { invalid } from "../http/headers.ts";
import { leaseHeader } from "../http/leases.ts";
import { rangeToWrite } from "../http/rangeHeaders.ts";
import type { StorageRequest } from "../http/request.ts";
import { largestUpload } from "../http/uploads.ts";
import { withEntry } from "./entry.ts";
import { currentHeaders } from "./entryProperties.ts";
import { respond } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";
import type { StorageOperation } from "./operation.ts";
import { keepsLastWriteTime, writableRange, writeRange } from "./ranges.ts";
import { sourceOf } from "./sources.ts";
import { fileTarget } from "./target.ts";

async function putRangeFromUrl(exchange: Exchange): Promise<void> {
  const { request } = exchange;
  if (request.header("x-ms-write")?.toLowerCase() !== "update") invalid("x-ms-write");
  if ((request.header("content-length") ?? "0") !== "0") invalid("content-length");
  const keepsTime = keepsLastWriteTime(request);
  const target = fileTarget(exchange);
  await withEntry(exchange, target, "write", async (entry) => {
    const range = writableRange(request, entry);
    if (lengthOf(range) > largestUpload) throw new StorageError("RequestBodyTooLarge");
    const content = await readSource(exchange);
    if (content.length !== lengthOf(range)) invalid("x-ms-source-range");
    const sum = checkSum(request, content);
    await writeRange(exchange, target, entry.descriptor, { range, content, keepsTime });
    respond(exchange, 201, {
      ...currentHeaders(exchange, target, entry.descriptor),
      "x-ms-content-crc64": sum,
      "x-ms-request-server-encrypted": "false",
    });
  });
}

/**
 * Returns the part of the source that the request names. A request must name one if the source is longer than one
 * upload.
 */
async function readSource(exchange: Exchange): Promise<Buffer> {
  const place = requireFile(sourceOf(exchange, "x-ms-copy-source", "r").place);
  return withDescriptor(openPlace(place, "read"), async (descriptor) => {
    const size = Number(statOf(descriptor).size);
    const header = exchange.request.header("x-ms-source-range") ?? `bytes=0-${size - 1}`;
    const range = rangeToWrite(header, size);
    if (lengthOf(range) > largestUpload) throw new StorageError("RequestBodyTooLarge");
    return readRange(descriptor, range);
  });
}

function checkSum(request: StorageRequest, content: Buffer): string {
  const sum = crc64(content);
  const announced = request.header("x-ms-source-content-crc64");
  if (announced !== undefined && announced !== sum) throw new StorageError("Crc64Mismatch");
  const required = request.header("x-ms-source-if-match-crc64");
  if (required !== undefined && required !== sum) throw new StorageError("ConditionNotMet");
  if (request.header("x-ms-source-if-none-match-crc64") === sum) throw new StorageError("ConditionNotMet");
  return sum;
}

/** Operations that write the content of another file of this endpoint. */
export const rangeFromUrlOperations: readonly StorageOperation[] = [
  {
    level: "file",
    resourceType: "o",
    methods: ["PUT"],
    comp: "range",
    hasSource: true,
    permissions: "w",
    headers: [
      leaseHeader,
      "x-ms-copy-source",
      "x-ms-source-range",
      "x-ms-source-content-crc64",
      "x-ms-source-if-match-crc64",
      "x-ms-source-if-none-match-crc64",
      "x-ms-source-allow-trailing-dot",
      "x-ms-range",
      "x-ms-write",
      "x-ms-file-last-write-time",
    ],
    run: putRangeFromUrl,
  },
];
