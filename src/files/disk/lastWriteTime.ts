import { fchmodSync, futimes, futimesSync } from "node:fs";
import { promisify } from "node:util";
import { statOf } from "./descriptor.ts";

const futimesLater = promisify(futimes);

/** A time that a request sets: a moment, `now`, or undefined to leave it as it is. */
export type FileTime = Date | "now" | undefined;

/** Sets the last write time of an open file, once those who write to it let go of it. */
export function setLastWriteTimeLater(descriptor: number, time: Date | "now"): Promise<void> {
  const { atimeNs } = statOf(descriptor);
  return futimesLater(descriptor, Number(atimeNs) / 1e9, momentOf(time));
}

/** Sets the last write time of an open file or directory; undefined leaves it. Either way the change time is now. */
export function setLastWriteTime(descriptor: number, time: FileTime): void {
  const { mode, atimeNs } = statOf(descriptor);
  // Giving a file the mode that it has changes nothing but the change time, to which a number of seconds is too coarse.
  if (time === undefined) fchmodSync(descriptor, Number(mode) & 0o7777);
  else futimesSync(descriptor, Number(atimeNs) / 1e9, momentOf(time));
}

/** Now with more digits than the file system's own clock has, so that two quick writes make two ETags. */
function momentOf(time: Date | "now"): number {
  if (time === "now") return (performance.timeOrigin + performance.now()) / 1000;
  // Microseconds are cut off on the way to the file system: half of one keeps a fraction that falls short from losing more.
  return time.getTime() / 1000 + 5e-7;
}
