import { lstatSync } from "node:fs";
import { directoryState } from "./directoryState.ts";
import { mostNames, readListing } from "./listing.ts";
import type { KeyRange, Listing } from "./listing.ts";

/** The listing of a directory that a client reads page by page. */
interface Kept {
  /** State of the directory before its names were read. */
  readonly state: string;
  /** Whether the directory had not changed for a while, so that any later change gives it another state. */
  readonly hadSettled: boolean;
  readonly listing: Listing;
  /** Time until which the next page may come from this listing although the directory has changed. */
  readonly changeableUntil: number;
  readonly expiry: NodeJS.Timeout;
}

/** Time in milliseconds within which a client must request the next page. */
const nextPagePatience = 10_000;
/**
 * The clock of a file system is coarse: a directory that changed in the last milliseconds may change again without a
 * new time.
 */
const settled = 100;
/**
 * Number of names from which a listing of a directory that changes is used for the next pages, for ten times as long as
 * it took to read. Otherwise, reading a large directory by pages while a job adds files would read all names for each
 * page.
 */
const slowSize = 10_000;
const slowness = 10;

/** Listings by folder. Together, they contain at most {@link mostNames} names. */
const kept = new Map<string, Kept>();

/**
 * Returns the sort keys (see `sortKey`) of the entries of a directory, in Azure's order. They include links, pipes and
 * devices; only `lookAt` excludes them. The names of a directory are kept for a while, so that not every page has to
 * read and sort all of them. A list that begins at the first name always reads a directory that has changed.
 */
export async function keysIn(folder: string, range: KeyRange): Promise<string[]> {
  const { prefix = "", limit } = range;
  const keys: string[] = [];
  for (let after = startOf(range); ;) {
    const listing = keptListing(folder, after) ?? (await readKeeping(folder, after, limit));
    keys.push(...listing.keysIn({ after, prefix, limit: limit - keys.length }));
    const isLast = listing.upTo === undefined || isPast(listing.upTo, prefix);
    if (isLast || keys.length >= limit) return keys;
    after = listing.upTo;
  }
}

/** Returns a key that no key of a range precedes. */
function startOf({ after = "", prefix = "" }: KeyRange): string {
  if (after >= prefix || prefix === "") return after;
  const last = prefix.charCodeAt(prefix.length - 1);
  return last === 0 ? after : `${prefix.slice(0, -1)}${String.fromCharCode(last - 1)}\uFFFF`;
}

function isPast(key: string, prefix: string): boolean {
  return key > prefix && !key.startsWith(prefix);
}

function keptListing(folder: string, after: string): Listing | undefined {
  const found = kept.get(folder);
  if (found?.listing.covers(after) !== true) return undefined;
  const isCurrent = found.state === stateOf(folder).state;
  const isUsable =
    after === "" ? isCurrent && found.hadSettled : isCurrent || performance.now() < found.changeableUntil;
  if (!isUsable) return undefined;
  found.expiry.refresh();
  return found.listing;
}

/** Reads the names of a directory. Keeps them if they are more than one page. */
async function readKeeping(folder: string, after: string, pageSize: number): Promise<Listing> {
  // Keeping two copies of a long list would waste memory.
  forget(folder);
  const state = stateOf(folder);
  const start = performance.now();
  const listing = await readListing(folder, after);
  const end = performance.now();
  if (listing.size <= pageSize) return listing;
  keep(folder, {
    ...state,
    listing,
    changeableUntil: listing.size < slowSize ? end : end + slowness * (end - start),
    expiry: setTimeout(() => kept.delete(folder), nextPagePatience).unref(),
  });
  return listing;
}

function keep(folder: string, listing: Kept): void {
  forget(folder);
  kept.set(folder, listing);
  let total = 0;
  for (const {
    listing: { size },
  } of kept.values())
    total += size;
  for (const [
    oldest,
    {
      listing: { size },
    },
  ] of kept) {
    if (total <= mostNames) break;
    total -= size;
    forget(oldest);
  }
}

function forget(folder: string): void {
  clearTimeout(kept.get(folder)?.expiry);
  kept.delete(folder);
}

function stateOf(folder: string): Pick<Kept, "state" | "hadSettled"> {
  const stat = lstatSync(folder, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) return { state: "", hadSettled: false };
  return { state: directoryState(stat), hadSettled: Date.now() - Number(stat.ctimeMs) > settled };
}
