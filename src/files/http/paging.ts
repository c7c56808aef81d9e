import { StorageError } from "../errors.ts";
import type { StorageRequest } from "./request.ts";

const largestPage = 5000;

/** The page of a list that a request asks for. */
export interface PageRequest {
  /** Key that the page before ended with; every key of this page is larger. Empty for the first page. */
  readonly after: string;
  /** Entries that the page may have. */
  readonly size: number;
}

/** One page of a list and, where more follows, the marker with which the client asks on. */
export interface Page {
  readonly keys: readonly string[];
  readonly nextMarker: string;
}

/**
 * Page that `marker` and `maxresults` ask for. The marker holds the last key seen, so what is added or removed between
 * two pages neither repeats nor hides anything else.
 */
export function pageRequestOf(request: StorageRequest): PageRequest {
  const after = Buffer.from(request.query.get("marker") ?? "", "base64url").toString();
  return { after, size: requestedPageSize(request) };
}

/** Cuts the page out of the ordered keys behind {@link PageRequest.after}, of which one more than fits is enough. */
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

/** Words of the `include` parameter. */
export function includes(request: StorageRequest): ReadonlySet<string> {
  return new Set((request.query.get("include") ?? "").toLowerCase().split(","));
}
