import type { BigIntStats } from "node:fs";

/** Identifies a directory and what it holds: another one, or one in which a name came or went, has another state. */
export function directoryState({ dev, ino, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${dev}-${ino}-${mtimeNs}-${ctimeNs}`;
}
