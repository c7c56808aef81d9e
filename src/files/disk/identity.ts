import type { BigIntStats } from "node:fs";

/**
 * Returns a text that identifies a file for as long as it exists. Inode numbers are soon reused after a file is
 * deleted, but never with the same creation time.
 */
export function identityOf(stat: BigIntStats): string {
  return `${stat.ino}-${stat.birthtimeNs}`;
}
