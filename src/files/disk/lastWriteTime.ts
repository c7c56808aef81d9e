import { fchmodSync, futimes, futimesSync } from "node:fs";
import { promisify } from "node:util";
import { statOf } from "./descriptor.ts";

const futimesLater = promisify(futimes);

/** A time that a request sets: a date, the current time, or undefined to leave it unchanged. */
export type FileTime = Date | "now" | undefined;

/** Sets the last write time of an open file, as soon as concurrent writes to it have ended. */
export function setLastWriteTimeLater(descriptor: number, time: Date | "now"): Promise<void> {
  const { atimeNs } = statOf(descriptor);
  return futimesLater(descriptor, Number(atimeNs) / 1e9, momentOf(time));
}

/**
 * Sets the last write time of an open file or directory; undefined leaves it unchanged. In both cases, the change time
 * becomes the current time.
 */
export function setLastWriteTime(descriptor: number, time: FileTime): void {
  const { mode, atimeNs } = statOf(descriptor);
  // Setting the mode that a file already has changes only the change time. Setting a time would round it.
  if (time === undefined) fchmodSync(descriptor, Number(mode) & 0o7777);
  else futimesSync(descriptor, Number(atimeNs) / 1e9, momentOf(time));
}

/**
 * Returns the time in seconds. The current time has more digits than the clock of the file system, so that two quick
 * writes get different ETags.
 */
function momentOf(time: Date | "now"): number {
  if (time === "now") return preciseNow() / 1000;
  // The file system cuts off fractions of a microsecond. Half a microsecond more makes up for a fraction that is
  // slightly too small.
  return time.getTime() / 1000 + 5e-7;
}

/** Difference between the wall clock and the time since the start of the process, in milliseconds. */
let correction = 0;
/** Difference in milliseconds from which the wall clock has been set. */
const isSet = 20;

/** Returns the time of the wall clock in milliseconds, with more digits. */
function preciseNow(): number {
  const steady = performance.timeOrigin + performance.now();
  const difference = Date.now() - steady;
  if (Math.abs(difference - correction) > isSet) correction = difference;
  return steady + correction;
}
