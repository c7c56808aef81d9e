/** Bytes `start` to `end`, both included, as HTTP counts them. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Number of bytes in a range. */
export function lengthOf(range: ByteRange): number {
  return range.end - range.start + 1;
}

/** The range of all bytes of a file, whose end is -1 if the file is empty. */
export function wholeFile(size: number): ByteRange {
  return { start: 0, end: size - 1 };
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
