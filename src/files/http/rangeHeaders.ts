import { StorageError } from "../errors.ts";
import type { StorageRequest } from "./request.ts";

/** Bytes `start` to `end`, both included, as HTTP counts them. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** The range header of a request: `x-ms-range` before `Range`. */
export function rangeHeader(request: StorageRequest): string | undefined {
  return request.header("x-ms-range") ?? request.header("range");
}

/** The part of a file of `size` bytes that `header` asks for. Throws `InvalidRange` when nothing of it is there. */
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

/** The part of a file of `size` bytes that a write names; both ends must be given and lie inside the file. */
export function rangeToWrite(header: string | undefined, size: number): ByteRange {
  if (header === undefined) throw new StorageError("MissingRequiredHeader", { subject: "Range" });
  const [, first, last] = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(header) ?? [];
  const range = { start: Number(first), end: Number(last) };
  if (!(range.start <= range.end)) throw new StorageError("InvalidHeaderValue", { subject: "Range" });
  if (range.end >= size) throw unsatisfiable(size);
  return range;
}

/** Number of bytes in a range. */
export function lengthOf(range: ByteRange): number {
  return range.end - range.start + 1;
}

function unsatisfiable(size: number): StorageError {
  return new StorageError("InvalidRange", { headers: { "content-range": `bytes */${size}` } });
}

/** Bytes that Azure Files counts as one when it tells what was written. */
export const pageSize = 512;

/** The whole pages that a range touches. */
export function pagesOf({ start, end }: ByteRange): ByteRange {
  return { start: start - (start % pageSize), end: end - (end % pageSize) + pageSize - 1 };
}

/** The whole pages that lie inside a range, and the bytes of it before and behind them. */
export function splitAtPages({ start, end }: ByteRange): { pages: ByteRange | undefined; edges: ByteRange[] } {
  const first = Math.ceil(start / pageSize) * pageSize;
  const last = Math.floor((end + 1) / pageSize) * pageSize - 1;
  if (first > last) return { pages: undefined, edges: [{ start, end }] };
  const edges = [
    { start, end: first - 1 },
    { start: last + 1, end },
  ];
  return { pages: { start: first, end: last }, edges: edges.filter((edge) => edge.start <= edge.end) };
}
