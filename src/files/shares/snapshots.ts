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

/** Start of the folder names of snapshots, beside the shares of their account. */
export const snapshotPrefix = ".snapshot-";

/** A share at a point in time. */
export interface Snapshot extends Share {
  /** The time, in the spelling that clients use as its name. */
  readonly snapshot: string;
}

/** Whether a share is a snapshot. */
export function isSnapshot(share: Share): share is Snapshot {
  return share.snapshot !== undefined;
}

const mostSnapshots = 200;
/** Rows written to the database at a time. */
const batchSize = 500;

/** A copy of a share, with the properties of the share at that time. */
interface Copied {
  /** Identity of the folder of the copy. */
  readonly identity: string;
  readonly properties: ShareProperties;
  readonly time: string;
}

/**
 * Takes a snapshot: a copy of all files and of their properties. It exists when its row is written; a folder without a
 * row is left from an interrupted attempt. Before that, the copy is flushed to disk, while the share may change again.
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
  // The share may have been deleted in the meantime.
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

/** Copies the files of a share with their properties. Returns the identity of the new folder. */
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

/** Returns a time with the seven decimals of Windows, or the next time that no other snapshot has. */
function freeTime(taken: ReadonlySet<string>, time: string): string {
  if (!taken.has(time)) return time;
  const [, seconds = "", decimals = ""] = /^(.*)\.(\d{7})Z$/.exec(time) ?? [];
  return freeTime(taken, `${seconds}.${String(Number(decimals) + 1).padStart(7, "0")}Z`);
}

/** Returns the snapshots of a share, oldest first. */
export function snapshotsOf(storage: Storage, share: Share): Snapshot[] {
  const rows = storage.properties.all("SELECT * FROM snapshots WHERE base = ? ORDER BY time", share.identity);
  return rows.flatMap((row) => fromRow(storage, share, row) ?? []);
}

/** Returns the snapshot with a time; undefined if it does not exist. */
export function findSnapshot(storage: Storage, share: Share, time: string): Snapshot | undefined {
  const row = storage.properties.get("SELECT * FROM snapshots WHERE base = ? AND time = ?", share.identity, time);
  return row === undefined ? undefined : fromRow(storage, share, row);
}

/** Returns the snapshot with a time. Throws if it does not exist. */
export function snapshotAt(storage: Storage, share: Share, time: string): Snapshot {
  const snapshot = findSnapshot(storage, share, time);
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

/** Removes a folder without a row, and what is stored about its files. */
export async function discard(storage: Storage, path: string): Promise<void> {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) return;
  storage.properties.forgetShare({ identity: identityOf(stat) });
  await rm(path, { recursive: true, force: true });
}
