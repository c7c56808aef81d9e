import { nameBatches } from "./directoryNames.ts";
import { compareText, sortKey } from "./names.ts";

/** Most names that a listing contains. They take about 20 MB. */
export const mostNames = 200_000;
/** Number of names that are sorted together. Sorting them takes a few milliseconds, in which other work waits. */
const runLength = 4096;

/** Range of sort keys. */
export interface KeyRange {
  /** Only keys greater than this one. Default: all. */
  readonly after?: string;
  /** Only keys with this prefix. Default: all. */
  readonly prefix?: string;
  /** Number of keys at most. The smallest ones are returned. */
  readonly limit: number;
}

/**
 * Sort keys (see `sortKey`) of the names in a directory: all of them, or, in a very large directory, those of one part
 * of it. They are sorted in runs, so that neither sorting nor reading them makes other work wait.
 */
export class Listing {
  /** Number of keys. */
  readonly size: number;
  readonly #runs: readonly (readonly string[])[];
  readonly #from: string;
  readonly #upTo: string | undefined;

  /**
   * @param from - Keys up to this one are missing.
   * @param upTo - Keys greater than this one are missing; undefined if there are none.
   */
  constructor(runs: readonly (readonly string[])[], from: string, upTo: string | undefined) {
    this.#runs = runs;
    this.#from = from;
    this.#upTo = upTo;
    this.size = runs.reduce((sum, run) => sum + run.length, 0);
  }

  /** The last key that this listing can contain; undefined if it contains the last key of the directory. */
  get upTo(): string | undefined {
    return this.#upTo;
  }

  /** Whether this listing contains the next key after `key`, or the directory has none. */
  covers(key: string): boolean {
    return key >= this.#from && (this.#upTo === undefined || key < this.#upTo);
  }

  /** Returns the keys of a range, in order. Names that differ only in bytes that are not UTF-8 have one key. */
  keysIn({ after = "", prefix = "", limit }: KeyRange): string[] {
    const rests = this.#runs.flatMap((run) => {
      const position = firstIn(run, after, prefix);
      return run[position]?.startsWith(prefix) === true ? [{ run, position }] : [];
    });
    const found: string[] = [];
    while (found.length < limit && rests.length > 0) {
      let least = 0;
      for (let index = 1; index < rests.length; index++) if (keyOf(rests[index]) < keyOf(rests[least])) least = index;
      const rest = rests[least];
      const key = keyOf(rest);
      if (rest === undefined) break;
      if (key !== found.at(-1)) found.push(key);
      rest.position++;
      if (rest.run[rest.position]?.startsWith(prefix) !== true) rests.splice(least, 1);
    }
    return found;
  }
}

/** The keys of a run that have not been returned. */
interface Rest {
  readonly run: readonly string[];
  position: number;
}

function keyOf(rest: Rest | undefined): string {
  return rest?.run[rest.position] ?? "";
}

/** Returns the position of the first key after `after` that is not less than `prefix`. */
function firstIn(run: readonly string[], after: string, prefix: string): number {
  let start = 0;
  for (let end = run.length; start < end;) {
    const middle = (start + end) >> 1;
    const key = run[middle] ?? "";
    if (key > after && key >= prefix) end = middle;
    else start = middle + 1;
  }
  return start;
}

/**
 * Reads the names in a directory. If there are more than {@link mostNames}, the result contains only those that follow
 * `after`, up to some name.
 */
export async function readListing(folder: string, after: string): Promise<Listing> {
  const names = new SomeNames(after);
  for await (const batch of nameBatches(folder)) names.add(batch);
  return names.listing();
}

/** Collects names, and drops those for which there is no space. */
class SomeNames {
  readonly #after: string;
  #from = "";
  #upTo: string | undefined;
  #runs: string[][] = [];
  #unsorted: string[] = [];
  #size = 0;

  constructor(after: string) {
    this.#after = after;
  }

  add(names: readonly string[]): void {
    for (const name of names) {
      const key = sortKey(name);
      if (key > this.#from && (this.#upTo === undefined || key <= this.#upTo)) this.#unsorted.push(key);
    }
    if (this.#unsorted.length >= runLength) this.#sort();
    if (this.#size > mostNames) this.#drop();
  }

  listing(): Listing {
    this.#sort();
    return new Listing(this.#runs, this.#from, this.#upTo);
  }

  #sort(): void {
    const run = this.#unsorted.sort().filter((key, index, keys) => key !== keys[index - 1]);
    if (run.length > 0) this.#runs.push(run);
    this.#size += run.length;
    this.#unsorted = [];
  }

  /** Drops the names before the wanted ones, and after that the last ones. */
  #drop(): void {
    if (this.#from < this.#after) this.#cut(this.#after, this.#upTo);
    if (this.#size > mostNames) {
      // The median of the medians: at least a quarter of all names is on either side of it.
      const middles = this.#runs.map((run) => run[run.length >> 1] ?? "").sort(compareText);
      this.#cut(this.#from, middles[middles.length >> 1]);
    }
  }

  #cut(from: string, upTo: string | undefined): void {
    this.#from = from;
    this.#upTo = upTo;
    this.#runs = this.#runs
      .map((run) => run.slice(firstIn(run, from, ""), upTo === undefined ? undefined : firstIn(run, upTo, "")))
      .filter((run) => run.length > 0);
    this.#size = this.#runs.reduce((sum, run) => sum + run.length, 0);
  }
}
