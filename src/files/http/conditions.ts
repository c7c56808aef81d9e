import type { BigIntStats } from "node:fs";
import { StorageError } from "../errors.ts";
import { originalState } from "../records/originalState.ts";
import type { FileProperties } from "../records/properties.ts";
import { millisecondsOf } from "../times.ts";
import { isRead } from "./request.ts";
import type { StorageRequest } from "./request.ts";
import { etagOf } from "./responseHeaders.ts";

/** The file or directory of a condition. Its ETag is computed only if needed, because that takes time. */
interface Existing {
  readonly stat: BigIntStats;
  readonly properties: FileProperties;
}

/**
 * Throws `ConditionNotMet` if a condition of the request is not met. `existing` is undefined if the file or directory
 * does not exist. A condition on the ETag overrides the one on the time, as in HTTP.
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

/** Whether something changed after a date, in whole seconds; undefined if it does not exist or there is no date. */
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
