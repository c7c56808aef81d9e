import type { HttpHeaders } from "@azure/core-rest-pipeline";

/** Returns the delay in milliseconds that the service requests in one of three headers, or `undefined`. */
export function retryAfterInMs(headers: HttpHeaders): number | undefined {
  for (const name of ["retry-after-ms", "x-ms-retry-after-ms"]) {
    const milliseconds = parseCount(headers.get(name));
    if (milliseconds !== undefined) return milliseconds;
  }
  const value = headers.get("retry-after");
  if (value === undefined) return undefined;
  const seconds = parseCount(value);
  if (seconds !== undefined) return seconds * 1000;
  const until = Date.parse(value);
  return Number.isNaN(until) ? undefined : Math.max(0, until - Date.now());
}

function parseCount(value: string | undefined): number | undefined {
  return value !== undefined && /^\d+(\.\d+)?$/.test(value) ? Number(value) : undefined;
}
