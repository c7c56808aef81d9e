import type { BigIntStats } from "node:fs";
import type { FileProperties } from "./properties.ts";

/** State of a file or directory that clients see. Times are nanoseconds since 1970. */
export type EntryState = Pick<BigIntStats, "ino" | "birthtimeNs" | "ctimeNs" | "mtimeNs">;

/**
 * Returns the state that clients see of a file or directory. In a snapshot, that is the state of the original, because
 * a copy has other values; everywhere else, it is the state from the file system.
 */
export function originalState(stat: EntryState, { original }: FileProperties): EntryState {
  if (original === undefined) return stat;
  return {
    ino: BigInt(original.ino),
    birthtimeNs: BigInt(original.bornNs),
    ctimeNs: BigInt(original.changedNs),
    mtimeNs: BigInt(original.modifiedNs),
  };
}
