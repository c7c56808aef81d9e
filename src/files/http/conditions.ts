import type { BigIntStats } from "node:fs";
import { StorageError } from "../errors.ts";
import { originalState } from "../records/originalState.ts";
import type { FileProperties } from "../records/properties.ts";
import { millisecondsOf } from "../times.ts";
import { isRead } from "./request.ts";
import type { StorageRequest } from "./request.ts";
import { etagOf } from "./responseHeaders.ts";

/** What a condition is about. Its ETag is worked out only where somebody wants to know: that takes a while. */
interface Existing {
  readonly stat: BigIntStats;
  readonly properties: FileProperties;
}

/**
 * Throws `ConditionNotMet` when a condition of the request does not hold for what exists; undefined where nothing does. A
 * condition on an ETag makes the one on the same time void, as in HTTP.
 */
export function checkConditions(request: StorageRequest, existing: Existing | undefined): void {
  const required = request.header("if-match");
  if (required !== undefined && !matches(required, existing)) throw new StorageError("ConditionNotMet");
  if (required === undefined && isLater(existing, request.header("if-unmodified-since"))) {
    throw new StorageError("ConditionNotMet");
  }
  const excluded = request.header("if-none-match");
  const since = request.header("if-modified-since");
  const isUnwanted = excluded === undefined ? isLater(existing, since) === false : matches(excluded, existing);
  if (!isUnwanted) return;
  throw new StorageError(
    "ConditionNotMet",
    isRead(request) ? { status: 304, headers: { etag: existing === undefined ? "" : tagOf(existing) } } : {},
  );
}

/** Whether something changed after a date, to the second; undefined where there is no such thing or date. */
function isLater(existing: Existing | undefined, date: string | undefined): boolean | undefined {
  const limit = Date.parse(date ?? "");
  if (existing === undefined || Number.isNaN(limit)) return undefined;
  const changedOn = millisecondsOf(originalState(existing.stat, existing.properties).ctimeNs);
  return Math.floor(changedOn / 1000) * 1000 > limit;
}

function matches(condition: string, existing: Existing | undefined): boolean {
  if (existing === undefined) return false;
  const wanted = condition.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return wanted.includes("*") || wanted.includes(tagOf(existing));
}

function tagOf({ stat, properties }: Existing): string {
  return etagOf(stat, properties);
}
