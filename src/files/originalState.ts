import type { BigIntStats } from "node:fs";
import type { FileProperties } from "./properties.ts";

/**
 * State of a file or directory as clients are to see it: in a snapshot the state of the original, which a copy cannot
 * have itself; everywhere else what the file system says.
 */
export function originalStat(stat: BigIntStats, { original }: FileProperties): BigIntStats {
  if (original === undefined) return stat;
  const changedNs = BigInt(original.changedNs);
  const modifiedNs = BigInt(original.modifiedNs);
  const bornNs = BigInt(original.bornNs);
  const state: Partial<BigIntStats> = {
    ino: BigInt(original.ino),
    ctimeNs: changedNs,
    ctime: dateOf(changedNs),
    mtimeNs: modifiedNs,
    mtime: dateOf(modifiedNs),
    birthtimeNs: bornNs,
    birthtime: dateOf(bornNs),
  };
  const descriptors = Object.entries(state).map(([name, value]) => [name, { value, enumerable: true }] as const);
  return Object.create(stat, Object.fromEntries(descriptors)) as BigIntStats;
}

function dateOf(nanoseconds: bigint): Date {
  return new Date(Number(nanoseconds / 1_000_000n));
}
