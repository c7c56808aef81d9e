import type { BigIntStats } from "node:fs";
import type { ShareAddress, ShareIdentity } from "../records/properties.ts";

/** An existing share, or a snapshot of one. */
export interface Share extends ShareAddress, ShareIdentity {
  /** Absolute path of its folder, without symbolic links. */
  readonly folder: string;
  /** State of the folder. */
  readonly stat: BigIntStats;
  /** Time of a snapshot. Absent for a share. */
  readonly snapshot?: string;
}
