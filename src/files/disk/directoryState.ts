import { lstatSync } from "node:fs";
import type { BigIntStats } from "node:fs";

/** Returns a text that identifies a directory and its names: it changes when a name is added or removed. */
export function directoryState({ dev, ino, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${dev}-${ino}-${mtimeNs}-${ctimeNs}`;
}

/** Returns the current state of the directory at a path; undefined if nothing is there. */
export function directoryStateAt(folder: string): string | undefined {
  const stat = lstatSync(folder, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? undefined : directoryState(stat);
}
