import type { BigIntStats } from "node:fs";
import type { FileProperties } from "./properties.ts";

/** What a file system says of a file or directory and clients are told; times are nanoseconds since 1970. */
export type EntryState = Pick<BigIntStats, "ino" | "birthtimeNs" | "ctimeNs" | "mtimeNs">;

/**
 * State of a file or directory as clients are to see it: in a snapshot the state of the original, which a copy cannot
 * have itself; everywhere else what the file system says.
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
