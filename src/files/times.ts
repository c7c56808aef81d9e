/*
 * Times in the forms of the API. The functions of Date take five times as long, which matters for a list of 100,000
 * entries with four times each. All times are milliseconds since 1970, in UTC.
 */

const dayInMs = 24 * 60 * 60 * 1000;

/** A day, as both forms of the API start with it. */
interface Day {
  /** Days since 1970. */
  readonly number: number;
  readonly iso: string;
  readonly http: string;
}

/** Consecutive times usually are on the same day. */
let lastDay: Day | undefined;

/**
 * Returns the time from which durations are counted, in milliseconds: the wall clock's at the start of the process, and
 * from then on the time that has passed. Nobody can set this clock, so a lease of 60 seconds lasts 60 seconds.
 */
export function steadyNow(): number {
  return performance.timeOrigin + performance.now();
}

/** Converts a time of the file system from nanoseconds to milliseconds. */
export function millisecondsOf(nanoseconds: bigint): number {
  return Number(nanoseconds / 1_000_000n);
}

/** Formats a time with the seven decimals of Windows, as `2026-11-23T05:51:45.1230000Z`. */
export function ticks(time: number): string {
  const day = dayOf(time);
  const sinceMidnight = time - day.number * dayInMs;
  return `${day.iso}${clock(sinceMidnight)}.${padded(sinceMidnight % 1000, 3)}0000Z`;
}

/** Formats a time for HTTP, as `Mon, 23 Nov 2026 05:51:45 GMT`. */
export function httpDate(time: number): string {
  const day = dayOf(time);
  return `${day.http}${clock(time - day.number * dayInMs)} GMT`;
}

function dayOf(time: number): Day {
  const number = Math.floor(time / dayInMs);
  if (lastDay?.number === number) return lastDay;
  const date = new Date(time);
  const iso = date.toISOString().slice(0, -"00:00:00.000Z".length);
  const http = date.toUTCString().slice(0, -"00:00:00 GMT".length);
  lastDay = { number, iso, http };
  return lastDay;
}

function clock(sinceMidnight: number): string {
  const seconds = Math.floor(sinceMidnight / 1000);
  const minutes = Math.floor(seconds / 60);
  return `${padded(Math.floor(minutes / 60), 2)}:${padded(minutes % 60, 2)}:${padded(seconds % 60, 2)}`;
}

function padded(value: number, width: number): string {
  return String(value).padStart(width, "0");
}
