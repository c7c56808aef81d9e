import { pageSize, wholeFile } from "./byteRanges.ts";
import type { ByteRange } from "./byteRanges.ts";
import { blocksOf, readRange } from "./content.ts";

/** The state of a file at a time: an open file, and its parts that were written. */
export interface FileState {
  readonly descriptor: number;
  readonly size: number;
  readonly written: readonly ByteRange[];
}

/** A part of a file that was written, or that is a hole where an older state had none. */
export interface ListedRange extends ByteRange {
  readonly isHole: boolean;
}

/**
 * The pages in which a file differs from an older state of itself, in order: by their bytes, and by whether they are
 * written. What the file has lost at its end is not among them, for its size tells that.
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

/** Bytes of a block; zeros behind the end of the file. */
async function readPart({ descriptor, size }: FileState, { start, end }: ByteRange): Promise<Buffer> {
  const last = Math.min(end, size - 1);
  const part = last < start ? Buffer.alloc(0) : await readRange(descriptor, { start, end: last });
  return Buffer.concat([part, Buffer.alloc(end - start + 1 - part.length)]);
}

/** Tells of ranges, asked about in order, whether any of `ranges` touches them. */
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
