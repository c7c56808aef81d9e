import { StorageError } from "./errors.ts";
import type { StorageRequest } from "./request.ts";

const conditionHeaders = ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"];

/** Whether a request has a condition for {@link checkConditions} to check. */
export function isConditional(request: StorageRequest): boolean {
  return conditionHeaders.some((name) => request.header(name) !== undefined);
}

/**
 * Throws `ConditionNotMet` when a condition of the request does not hold for something with that ETag and time of
 * change; both are undefined where nothing is. A condition on an ETag makes the one on the same time void, as in HTTP.
 */
export function checkConditions(request: StorageRequest, etag: string | undefined, changedOn?: number): void {
  const required = request.header("if-match");
  if (required !== undefined && !matches(required, etag)) throw new StorageError("ConditionNotMet");
  if (required === undefined && isLater(changedOn, request.header("if-unmodified-since"))) {
    throw new StorageError("ConditionNotMet");
  }
  const excluded = request.header("if-none-match");
  const since = request.header("if-modified-since");
  const isUnwanted = excluded === undefined ? isLater(changedOn, since) === false : matches(excluded, etag);
  if (!isUnwanted) return;
  const reading = request.method === "GET" || request.method === "HEAD";
  throw new StorageError("ConditionNotMet", reading ? { status: 304, headers: { etag: etag ?? "" } } : {});
}

/** Whether something changed after a date, to the second; undefined where there is no such thing or date. */
function isLater(changedOn: number | undefined, date: string | undefined): boolean | undefined {
  const limit = Date.parse(date ?? "");
  if (changedOn === undefined || Number.isNaN(limit)) return undefined;
  return Math.floor(changedOn / 1000) * 1000 > limit;
}

function matches(condition: string, etag: string | undefined): boolean {
  if (etag === undefined) return false;
  const wanted = condition.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return wanted.includes("*") || wanted.includes(etag);
}
