import { pageSize, wholeFile } from "./byteRanges.ts";
import type { ByteRange } from "./byteRanges.ts";
import { blocksOf, readRange } from "./content.ts";

/** State of a file at a point in time: an open file, and its written parts. */
export interface FileState {
  readonly descriptor: number;
  readonly size: number;
  readonly written: readonly ByteRange[];
}

/** A part of a file that was written, or that is a hole but was written in an older state. */
export interface ListedRange extends ByteRange {
  readonly isHole: boolean;
}

/**
 * Returns the pages, in order, that differ between a file and an older state of it: in their bytes, or in whether they
 * are written. A part that the file lost at its end is not included, because the size of the file shows it.
 */
export async function differencesOf(current: FileState, previous: FileState): Promise<ListedRange[]> {
  const isWritten = { now: pageFinder(current.written), then: pageFinder(previous.written) };
  const found: ListedRange[] = [];
  for (const block of blocksOf(wholeFile(current.size))) {
    const sides = { now: isWritten.now(block), then: isWritten.then(block) };
    if (!sides.now && !sides.then) continue;
    const bytes = { now: await readPart(current, block), then: await readPart(previous, block) };
    for (let start = block.start; start <= block.end; start += pageSize) {
      const page = { start, end: Math.min(start + pageSize - 1, current.size - 1) };
      const now = isWritten.now(page);
      const then = isWritten.then(page);
      const part = (data: Buffer): Buffer => data.subarray(start - block.start, page.end - block.start + 1);
      const differs = now ? !then || !part(bytes.now).equals(part(bytes.then)) : then;
      if (differs) add(found, { ...page, isHole: !now });
    }
  }
  return found;
}

/** Returns the bytes of a block, with zeros past the end of the file. */
async function readPart({ descriptor, size }: FileState, { start, end }: ByteRange): Promise<Buffer> {
  const last = Math.min(end, size - 1);
  const part = last < start ? Buffer.alloc(0) : await readRange(descriptor, { start, end: last });
  return Buffer.concat([part, Buffer.alloc(end - start + 1 - part.length)]);
}

/** Returns a function that tests whether any of `ranges` touches a range. It must be called with ranges in order. */
function pageFinder(ranges: readonly ByteRange[]): (asked: ByteRange) => boolean {
  let next = 0;
  return ({ start, end }) => {
    while ((ranges[next]?.end ?? Number.POSITIVE_INFINITY) < start) next++;
    return (ranges[next]?.start ?? Number.POSITIVE_INFINITY) <= end;
  };
}

function add(found: ListedRange[], page: ListedRange): void {
  const last = found.at(-1);
  if (last?.isHole === page.isHole && last.end + 1 === page.start) found.splice(-1, 1, { ...last, end: page.end });
  else found.push(page);
}
