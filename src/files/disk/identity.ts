import type { BigIntStats } from "node:fs";

/**
 * Names a file for as long as it exists: inode numbers are used again soon after a file is deleted, but never with the
 * same time of birth.
 */
export function identityOf(stat: BigIntStats): string {
  return `${stat.ino}-${stat.birthtimeNs}`;
}
