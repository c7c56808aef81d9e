import type { BigIntStats } from "node:fs";
import type { ShareAddress, ShareIdentity } from "../records/properties.ts";

/** A share that exists. */
export interface Share extends ShareAddress, ShareIdentity {
  /** Absolute path of its folder, free of symbolic links. */
  readonly folder: string;
  /** State of that folder. */
  readonly stat: BigIntStats;
  /** Of a snapshot, its time. */
  readonly snapshot?: string;
}
