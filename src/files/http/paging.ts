import { StorageError } from "../errors.ts";
import type { StorageRequest } from "./request.ts";

const largestPage = 5000;

/** The page of a list that a request wants. */
export interface PageRequest {
  /** Last key of the previous page; all keys of this page are greater. Empty for the first page. */
  readonly after: string;
  /** Number of entries at most. */
  readonly size: number;
}

/** One page of a list, and the marker of the next page; empty on the last page. */
export interface Page {
  readonly keys: readonly string[];
  readonly nextMarker: string;
}

/**
 * Returns the page that `marker` and `maxresults` define. The marker contains the last key, so entries that are added
 * or removed between two pages do not repeat or hide others.
 */
export function pageRequestOf(request: StorageRequest): PageRequest {
  const after = Buffer.from(request.query.get("marker") ?? "", "base64url").toString();
  return { after, size: requestedPageSize(request) };
}

/**
 * Returns the page from the sorted keys after {@link PageRequest.after}. One key more than the page has shows that more
 * follow.
 */
export function cutPage(keys: readonly string[], { size }: PageRequest): Page {
  const page = keys.slice(0, size);
  const last = page.at(-1);
  const more = last !== undefined && page.length < keys.length;
  return { keys: page, nextMarker: more ? Buffer.from(last).toString("base64url") : "" };
}

function requestedPageSize(request: StorageRequest): number {
  const text = request.query.get("maxresults") ?? "";
  if (text === "") return largestPage;
  if (!/^\d{1,9}$/.test(text) || Number(text) === 0) {
    throw new StorageError("OutOfRangeQueryParameterValue", { subject: "maxresults" });
  }
  return Math.min(Number(text), largestPage);
}

/** Returns the values of the `include` parameter. */
export function includes(request: StorageRequest): ReadonlySet<string> {
  return new Set((request.query.get("include") ?? "").toLowerCase().split(","));
}
