import { StorageError } from "./errors.ts";
import type { StorageRequest } from "./request.ts";

const largestPage = 5000;

/** One page of a list and, where more follows, the marker with which the client asks on. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly nextMarker: string;
}

/**
 * Cuts the page out of an ordered list that `marker` and `maxresults` ask for. The marker holds the last key seen, so
 * what is added or removed between two pages neither repeats nor hides anything else.
 */
export function pageOf<T>(request: StorageRequest, items: readonly T[], keyOf: (item: T) => string): Page<T> {
  const marker = Buffer.from(request.query.get("marker") ?? "", "base64url").toString();
  const start = marker === "" ? 0 : items.findIndex((item) => keyOf(item) > marker);
  const rest = start < 0 ? [] : items.slice(start);
  const page = rest.slice(0, pageSize(request));
  const last = page.at(-1);
  const more = last !== undefined && page.length < rest.length;
  return { items: page, nextMarker: more ? Buffer.from(keyOf(last)).toString("base64url") : "" };
}

function pageSize(request: StorageRequest): number {
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
