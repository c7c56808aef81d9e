import { sqliteVariant } from "./sqliteErrors.ts";
import { errorCode } from "./systemErrors.ts";

/**
 * Kind of a shortage, which passes by itself or when the owner of the machine acts:
 *
 * - `storage`: no disk space, no inodes, or no quota.
 * - `machine`: no descriptors, no memory, or no processes.
 * - `lock`: another process has locked a database.
 */
export type Shortage = "storage" | "machine" | "lock";

const systemShortages: Readonly<Record<string, Shortage>> = {
  ENOSPC: "storage",
  EDQUOT: "storage",
  EMFILE: "machine",
  ENFILE: "machine",
  ENOMEM: "machine",
  ENOBUFS: "machine",
  EAGAIN: "machine",
};

/** By primary result code. */
const databaseShortages: Readonly<Record<number, Shortage>> = {
  /** SQLITE_BUSY: another process holds a lock on the database. */
  5: "lock",
  /** SQLITE_LOCKED. */
  6: "lock",
  /** SQLITE_NOMEM. */
  7: "machine",
  /** SQLITE_IOERR: a file could not be read or mapped; SQLite does not say why. */
  10: "machine",
  /** SQLITE_FULL. */
  13: "storage",
  /** SQLITE_CANTOPEN: once a database is open, only for want of descriptors. */
  14: "machine",
};

/** Extended result codes of SQLITE_IOERR for a file that could not grow: WRITE, FSYNC, DIR_FSYNC, TRUNCATE, SHMSIZE. */
const failedGrowth = new Set([778, 1034, 1290, 1546, 4874]);

const mostCauses = 10;

/**
 * Returns the kind of shortage that an error reports, or one of its causes; undefined if it reports none. The same
 * request or run may succeed when the shortage is over.
 */
export function shortageOf(error: unknown): Shortage | undefined {
  let cause = error;
  for (let depth = 0; depth < mostCauses && cause instanceof Error; depth++, cause = cause.cause) {
    const shortage = systemShortages[errorCode(cause) ?? ""] ?? databaseShortage(sqliteVariant(cause));
    if (shortage !== undefined) return shortage;
  }
  return undefined;
}

function databaseShortage(variant: number | undefined): Shortage | undefined {
  if (variant === undefined) return undefined;
  return failedGrowth.has(variant) ? "storage" : databaseShortages[variant & 0xff];
}
