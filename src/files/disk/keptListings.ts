import { directoryStateAt } from "./directoryState.ts";

/** Names of a directory that a client lists page by page. */
interface Listing {
  /** State of the directory before its names were read. */
  readonly state: string;
  /** Sort keys of all names, in order. */
  readonly keys: readonly string[];
  readonly expiry: NodeJS.Timeout;
}

/** Most names that are kept, in all directories together. They take about 20 MB. */
export const mostKeptNames = 200_000;
/** Time in milliseconds within which a client must request the next page. */
const nextPagePatience = 10_000;

const listings = new Map<string, Listing>();

/** Keeps the names of a directory for the next page, so that not every page has to read and sort all of them. */
export function keepListing(folder: string, state: string, keys: readonly string[]): void {
  forgetListing(folder);
  let total = keys.length;
  for (const listing of listings.values()) total += listing.keys.length;
  for (const [oldest, listing] of listings) {
    if (total <= mostKeptNames) break;
    total -= listing.keys.length;
    forgetListing(oldest);
  }
  const expiry = setTimeout(() => listings.delete(folder), nextPagePatience).unref();
  listings.set(folder, { state, keys, expiry });
}

/** Returns the kept names of a directory; undefined if it has changed since. */
export function keptListing(folder: string): readonly string[] | undefined {
  const listing = listings.get(folder);
  if (listing === undefined) return undefined;
  if (listing.state !== directoryStateAt(folder)) {
    forgetListing(folder);
    return undefined;
  }
  listing.expiry.refresh();
  return listing.keys;
}

/** Discards the kept names of a directory. */
export function forgetListing(folder: string): void {
  clearTimeout(listings.get(folder)?.expiry);
  listings.delete(folder);
}
