import type { HttpHeaders } from "@azure/core-rest-pipeline";
import { longestTimerInMs } from "../abort.ts";

/** Pause in milliseconds if the service requests none, or less than a millisecond. */
const shortestPauseInMs = 100;

/** Limits of a pause before the next request. */
export interface PauseLimits {
  /** Pause in milliseconds if the service does not request one. */
  readonly intervalInMs: number;
  /** Maximum pause in milliseconds that the service can request. */
  readonly maxRetryAfterInMs: number;
}

/**
 * Returns the pause in milliseconds before the next request: the one that the service requests, within limits, or the
 * interval. There is always a pause, so no response makes the client send requests without end.
 */
export function pauseInMs(headers: HttpHeaders, { intervalInMs, maxRetryAfterInMs }: PauseLimits): number {
  const requested = retryAfterInMs(headers);
  if (requested === undefined) return intervalInMs;
  const limited = Math.min(requested, maxRetryAfterInMs, longestTimerInMs);
  return limited < 1 ? Math.min(shortestPauseInMs, intervalInMs) : limited;
}

/** Returns the pause in milliseconds that the service requests in one of three headers, or `undefined`. */
export function retryAfterInMs(headers: HttpHeaders): number | undefined {
  for (const name of ["retry-after-ms", "x-ms-retry-after-ms"]) {
    const milliseconds = parseCount(headers.get(name));
    if (milliseconds !== undefined) return milliseconds;
  }
  const value = headers.get("retry-after");
  if (value === undefined) return undefined;
  const seconds = parseCount(value);
  return seconds === undefined ? timeUntil(value, headers.get("date")) : seconds * 1000;
}

/**
 * Returns the time until a date of the service, measured from the date of its response: the clock of this machine can
 * be wrong. Returns `undefined` if that date is missing, or if the time is over.
 */
function timeUntil(value: string, responseDate: string | undefined): number | undefined {
  const milliseconds = Date.parse(value) - Date.parse(responseDate ?? "");
  return milliseconds > 0 ? milliseconds : undefined;
}

function parseCount(value: string | undefined): number | undefined {
  return value !== undefined && /^\d+(\.\d+)?$/.test(value) ? Number(value) : undefined;
}
