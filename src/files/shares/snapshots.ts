import { randomUUID } from "node:crypto";
import { lstatSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { SqlRow } from "../../ground/sqlite.ts";
import { copyTree } from "../disk/copyTree.ts";
import type { CopiedEntry } from "../disk/copyTree.ts";
import { flushTree } from "../disk/flush.ts";
import { identityOf } from "../disk/identity.ts";
import { rootPlace } from "../disk/walk.ts";
import { StorageError } from "../errors.ts";
import type { Metadata, ShareProperties } from "../records/properties.ts";
import { ticks } from "../times.ts";
import type { Share } from "./share.ts";
import { gateKeyOf } from "./shareGate.ts";
import type { Storage } from "./storage.ts";

/** Start of the names of the folders that hold snapshots, beside the shares of their account. */
export const snapshotPrefix = ".snapshot-";

/** A share as it was at a time. */
export interface Snapshot extends Share {
  /** The time, in the spelling that clients use as its name. */
  readonly snapshot: string;
}

/** Whether what looks like a share is a snapshot of one. */
export function isSnapshot(share: Share): share is Snapshot {
  return share.snapshot !== undefined;
}

const mostSnapshots = 200;
/** Rows that are written to the database at a time. */
const batchSize = 500;

/** A share as it is to be kept: its files are copied, and what was known about it then. */
interface Copied {
  /** Identity of the folder with the copies. */
  readonly identity: string;
  readonly properties: ShareProperties;
  readonly time: string;
}

/**
 * Takes a snapshot: a copy of all files, and of what is known about them. It exists from the moment on in which its row
 * is written; a folder without a row is what an interrupted attempt left. Before that, all of it is flushed to the disk,
 * while the share may change again.
 */
export async function takeSnapshot(storage: Storage, share: Share, metadata: Metadata): Promise<Snapshot> {
  if (snapshotsOf(storage, share).length >= mostSnapshots) throw new StorageError("ShareSnapshotCountExceeded");
  const folder = `${snapshotPrefix}${randomUUID()}`;
  const path = join(storage.accountFolder(share.accountName), folder);
  try {
    const gateKey = gateKeyOf(share.accountName, share.shareName);
    const copied = await storage.gate.exclusive(gateKey, () => copyShare(storage, storage.share(share), path));
    await flushTree(path);
    return noteSnapshot(storage, share, folder, metadata, copied);
  } catch (error) {
    await discard(storage, path);
    throw error;
  }
}

async function copyShare(storage: Storage, share: Share, path: string): Promise<Copied> {
  const identity = await copyWithProperties(storage, share, path);
  storage.properties.run(
    "INSERT INTO permissions SELECT ?, key, permission FROM permissions WHERE share = ?",
    identity,
    share.identity,
  );
  const time = ticks(Date.now());
  return { identity, properties: storage.properties.share(share), time };
}

function noteSnapshot(
  storage: Storage,
  share: Share,
  folder: string,
  metadata: Metadata,
  { identity, properties, time: copiedOn }: Copied,
): Snapshot {
  // Somebody may have deleted the share meanwhile.
  if (storage.findShare(share)?.identity !== share.identity) throw new StorageError("ShareNotFound");
  const time = freeTime(new Set(snapshotsOf(storage, share).map(({ snapshot }) => snapshot)), copiedOn);
  storage.properties.flushed(() => {
    storage.properties.copyShare(
      { identity },
      {
        ...properties,
        metadata: metadata.length > 0 ? metadata : properties.metadata,
        changedOn: properties.changedOn ?? share.stat.birthtime.toISOString(),
        base: share.identity,
      },
    );
    storage.properties.run(
      "INSERT INTO snapshots VALUES (?, ?, ?, ?, ?)",
      share.identity,
      time,
      share.accountName,
      folder,
      identity,
    );
  });
  return snapshotAt(storage, share, time);
}

/** Copies the files of a share with their properties; returns the identity of the new folder. */
async function copyWithProperties(storage: Storage, share: Share, path: string): Promise<string> {
  const copied: CopiedEntry[] = [];
  const record = (entry: CopiedEntry): void => {
    copied.push(entry);
    if (copied.length >= batchSize) store();
  };
  const store = (): void => {
    const owner = { identity: identityOf(lstatSync(path, { bigint: true })) };
    storage.properties.transaction(() => {
      for (const entry of copied.splice(0)) copyProperties(storage, share, owner, entry);
    });
  };
  await copyTree(rootPlace(share.folder), path, record, storage.closing);
  store();
  return identityOf(lstatSync(path, { bigint: true }));
}

function copyProperties(
  storage: Storage,
  share: Share,
  owner: { readonly identity: string },
  { original, parent, copy }: CopiedEntry,
): void {
  const properties = storage.properties.file(share, identityOf(original));
  storage.properties.copyFile(owner, identityOf(copy), {
    ...properties,
    original: {
      ino: String(original.ino),
      parentIno: String(parent.ino),
      bornNs: String(original.birthtimeNs),
      changedNs: String(original.ctimeNs),
      modifiedNs: String(original.mtimeNs),
    },
  });
  if (original.isFile()) storage.written.noteCopy(original, copy);
}

/** A time with the seven decimals of Windows, or the next one that no other snapshot has. */
function freeTime(taken: ReadonlySet<string>, time: string): string {
  if (!taken.has(time)) return time;
  const [, seconds = "", decimals = ""] = /^(.*)\.(\d{7})Z$/.exec(time) ?? [];
  return freeTime(taken, `${seconds}.${String(Number(decimals) + 1).padStart(7, "0")}Z`);
}

/** The snapshots of a share, the oldest first. */
export function snapshotsOf(storage: Storage, share: Share): Snapshot[] {
  const rows = storage.properties.all("SELECT * FROM snapshots WHERE base = ? ORDER BY time", share.identity);
  return rows.flatMap((row) => fromRow(storage, share, row) ?? []);
}

/** The snapshot of that time. Throws when there is none. */
export function snapshotAt(storage: Storage, share: Share, time: string): Snapshot {
  const row = storage.properties.get("SELECT * FROM snapshots WHERE base = ? AND time = ?", share.identity, time);
  const snapshot = row === undefined ? undefined : fromRow(storage, share, row);
  if (snapshot === undefined) throw new StorageError("ShareSnapshotNotFound");
  return snapshot;
}

function fromRow(storage: Storage, { accountName, shareName }: Share, row: SqlRow): Snapshot | undefined {
  const folder = join(storage.accountFolder(accountName), String(row.folder));
  const stat = lstatSync(folder, { bigint: true, throwIfNoEntry: false });
  if (stat?.isDirectory() !== true || identityOf(stat) !== row.share) return undefined;
  return { accountName, shareName, folder, stat, identity: identityOf(stat), snapshot: String(row.time) };
}

/** Deletes a snapshot. */
export async function deleteSnapshot(storage: Storage, snapshot: Snapshot): Promise<void> {
  storage.properties.flushed(() => {
    storage.properties.run("DELETE FROM snapshots WHERE share = ?", snapshot.identity);
    storage.properties.forgetShare(snapshot);
  });
  await rm(snapshot.folder, { recursive: true, force: true });
}

/** Removes a folder that no row speaks of, and what was stored about its files. */
export async function discard(storage: Storage, path: string): Promise<void> {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) return;
  storage.properties.forgetShare({ identity: identityOf(stat) });
  await rm(path, { recursive: true, force: true });
}
