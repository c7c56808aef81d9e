import { StorageError } from "./errors.ts";
import type { StorageRequest } from "./request.ts";

/** Throws `ConditionNotMet` when the request's If-Match or If-None-Match does not hold for `etag`. */
export function checkConditions(request: StorageRequest, etag: string | undefined): void {
  const required = request.header("if-match");
  if (required !== undefined && !matches(required, etag)) throw new StorageError("ConditionNotMet");
  const excluded = request.header("if-none-match");
  if (excluded === undefined || !matches(excluded, etag)) return;
  const reading = request.method === "GET" || request.method === "HEAD";
  throw new StorageError("ConditionNotMet", reading ? { status: 304, headers: { etag: etag ?? "" } } : {});
}

function matches(condition: string, etag: string | undefined): boolean {
  if (etag === undefined) return false;
  const wanted = condition.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return wanted.includes("*") || wanted.includes(etag);
}
