import { setImmediate } from "node:timers/promises";
import { nameBatches } from "./directoryNames.ts";
import { sortKey } from "./names.ts";

/** Most names that a listing contains. They take about 20 MB. */
export const mostNames = 200_000;
/** Number of names in a part of a listing, on average. Sorting them takes two milliseconds, in which other work waits. */
const partSize = 4096;
/** Number of names that are looked at for each one that helps to divide them evenly. */
const sampling = 64;
/** Number of names after which other work gets its turn. */
const batchSize = 20_000;

/** Range of sort keys. */
export interface KeyRange {
  /** Only keys greater than this one. Default: all. */
  readonly after?: string;
  /** Only keys with this prefix. Default: all. */
  readonly prefix?: string;
  /** Number of keys at most. The smallest ones are returned. */
  readonly limit: number;
}

/** Keys that are sorted when they are needed. */
interface Part {
  /** No key is greater; undefined for the last part. */
  readonly last: string | undefined;
  keys: string[];
  isSorted: boolean;
}

/**
 * Sort keys (see `sortKey`) of the names in a directory: all of them, or, in a very large directory, those of one
 * section. They are divided into parts, so that a page sorts only those keys that it needs.
 */
export class Listing {
  /** Number of names. */
  readonly size: number;
  /** The last key that this listing can contain; undefined if it contains the last key of the directory. */
  readonly upTo: string | undefined;
  readonly #from: string;
  readonly #parts: readonly Part[];

  /**
   * @param parts - The keys: those of each part are greater than those of the part before.
   * @param from - Keys up to this one are missing.
   * @param upTo - Keys greater than this one are missing; undefined if there are none.
   */
  constructor(parts: readonly Part[], from: string, upTo: string | undefined) {
    this.#parts = parts;
    this.#from = from;
    this.upTo = upTo;
    this.size = parts.reduce((sum, { keys }) => sum + keys.length, 0);
  }

  /** Whether this listing contains the next key after `key`, or the directory has none. */
  covers(key: string): boolean {
    return key >= this.#from && (this.upTo === undefined || key < this.upTo);
  }

  /** Returns the keys of a range, in order. Names that differ only in bytes that are not UTF-8 have one key. */
  keysIn({ after = "", prefix = "", limit }: KeyRange): string[] {
    const found: string[] = [];
    for (const part of this.#parts) {
      if (part.last !== undefined && (part.last <= after || part.last < prefix)) continue;
      const keys = sortedKeys(part);
      const start = firstIndex(keys, (key) => key > after && key >= prefix);
      const end = firstIndex(keys, (key) => key > prefix && !key.startsWith(prefix));
      found.push(...keys.slice(start, Math.min(end, start + limit - found.length)));
      if (found.length >= limit || end < keys.length) break;
    }
    return found;
  }
}

function sortedKeys(part: Part): readonly string[] {
  if (!part.isSorted) part.keys = part.keys.sort().filter((key, index, keys) => key !== keys[index - 1]);
  part.isSorted = true;
  return part.keys;
}

/** Returns the index of the first key that has a property, which all keys after it have too. */
function firstIndex(keys: readonly string[], hasProperty: (key: string) => boolean): number {
  let start = 0;
  for (let end = keys.length; start < end;) {
    const middle = (start + end) >> 1;
    if (hasProperty(keys[middle] ?? "")) end = middle;
    else start = middle + 1;
  }
  return start;
}

/**
 * Reads the names in a directory. If there are more than {@link mostNames}, the result contains only those that follow
 * `after`, up to some name.
 */
export async function readListing(folder: string, after: string): Promise<Listing> {
  let [from, upTo]: [string, string | undefined] = ["", undefined];
  let keys: string[] = [];
  for await (const names of nameBatches(folder)) {
    for (const name of names) {
      const key = sortKey(name);
      if (key > from && (upTo === undefined || key <= upTo)) keys.push(key);
    }
    if (keys.length > mostNames) {
      from = after;
      keys = [...new Set(keys)].filter((key) => key > from);
    }
    if (keys.length > mostNames) {
      const sample = sampleOf(keys);
      const middle = sample[sample.length >> 1] ?? "";
      upTo = middle;
      keys = keys.filter((key) => key <= middle);
    }
  }
  return new Listing(await divided(keys), from, upTo);
}

/** Divides keys into parts of about the same size. */
async function divided(keys: readonly string[]): Promise<Part[]> {
  const sample = sampleOf(keys);
  const lasts = sample.filter((_, index) => index % (partSize / sampling) === partSize / sampling - 1);
  const parts = [...lasts, undefined].map((last): Part => ({ last, keys: [], isSorted: false }));
  for (let start = 0; start < keys.length; start += batchSize) {
    for (const key of keys.slice(start, start + batchSize)) parts[indexOfPart(lasts, key)]?.keys.push(key);
    await setImmediate();
  }
  return parts;
}

function indexOfPart(lasts: readonly string[], key: string): number {
  let start = 0;
  for (let end = lasts.length; start < end;) {
    const middle = (start + end) >> 1;
    if ((lasts[middle] ?? "") >= key) end = middle;
    else start = middle + 1;
  }
  return start;
}

function sampleOf(keys: readonly string[]): string[] {
  return keys.filter((_, index) => index % sampling === 0).sort();
}
