/** Bytes `start` to `end`, both included, as in HTTP. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Returns the number of bytes in a range. */
export function lengthOf(range: ByteRange): number {
  return range.end - range.start + 1;
}

/** Returns the range of all bytes of a file. Its end is -1 if the file is empty. */
export function wholeFile(size: number): ByteRange {
  return { start: 0, end: size - 1 };
}

/** Unit, in bytes, in which Azure Files reports written ranges. */
export const pageSize = 512;

/** Returns the whole pages that a range touches. */
export function pagesOf({ start, end }: ByteRange): ByteRange {
  return { start: start - (start % pageSize), end: end - (end % pageSize) + pageSize - 1 };
}

/** Splits a range into the whole pages in it, and its bytes before and after them. */
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
