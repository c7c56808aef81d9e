import type { ByteRange } from "../disk/byteRanges.ts";
import { StorageError } from "../errors.ts";
import type { StorageRequest } from "./request.ts";

/** Returns the range header of a request. `x-ms-range` takes precedence over `Range`. */
export function rangeHeader(request: StorageRequest): string | undefined {
  return request.header("x-ms-range") ?? request.header("range");
}

/**
 * Returns the part of a file of `size` bytes that a range header selects. Throws `InvalidRange` if the part is empty.
 */
export function rangeToRead(header: string, size: number): ByteRange {
  const [, first, last] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header) ?? [];
  if (first === undefined || last === undefined || (first === "" && last === "")) {
    throw new StorageError("InvalidHeaderValue", { subject: "Range" });
  }
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (start > end) throw unsatisfiable(size);
  return { start, end };
}

/** Returns the part of a file of `size` bytes that a write names. Both ends are required and must be in the file. */
export function rangeToWrite(header: string | undefined, size: number): ByteRange {
  if (header === undefined) throw new StorageError("MissingRequiredHeader", { subject: "Range" });
  const [, first, last] = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(header) ?? [];
  const range = { start: Number(first), end: Number(last) };
  if (!(range.start <= range.end)) throw new StorageError("InvalidHeaderValue", { subject: "Range" });
  if (range.end >= size) throw unsatisfiable(size);
  return range;
}

function unsatisfiable(size: number): StorageError {
  return new StorageError("InvalidRange", { headers: { "content-range": `bytes */${size}` } });
}
