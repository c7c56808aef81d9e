import { lstatSync } from "node:fs";
import type { BigIntStats } from "node:fs";

/** Identifies a directory and what it holds: another one, or one in which a name came or went, has another state. */
export function directoryState({ dev, ino, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${dev}-${ino}-${mtimeNs}-${ctimeNs}`;
}

/** Returns the current state of the directory at a path; undefined if nothing is there. */
export function directoryStateAt(folder: string): string | undefined {
  const stat = lstatSync(folder, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? undefined : directoryState(stat);
}
