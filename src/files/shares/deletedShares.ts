import { randomUUID } from "node:crypto";
import { lstatSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { SqlRow } from "../../ground/sqlite.ts";
import { flushNames } from "../disk/flush.ts";
import { identityOf } from "../disk/identity.ts";
import { StorageError } from "../errors.ts";
import type { ShareAddress } from "../records/properties.ts";
import type { Share } from "./share.ts";
import { discard, snapshotPrefix } from "./snapshots.ts";
import type { Storage } from "./storage.ts";

/** Start of the names of the folders of deleted shares, beside the shares of their account. */
export const deletedPrefix = ".deleted-";

const day = 24 * 60 * 60 * 1000;

/** A share that was deleted and can still be restored. */
export interface DeletedShare extends ShareAddress {
  /** Tells it from others of the same name. */
  readonly version: string;
  /** Identity of its folder. */
  readonly identity: string;
  readonly deletedOn: Date;
  /** Days, begun ones included, for which it is still kept. */
  readonly remainingDays: number;
}

/**
 * Deletes a share with its snapshots. Its folder is moved aside and, after so many days, removed. The row comes before
 * the move, on the disk too: a row without its folder says that the share was never deleted, and a folder without its
 * row is removed.
 */
export async function deleteShare(storage: Storage, share: Share, retentionDays: number): Promise<void> {
  const { properties } = storage;
  const folder = `${deletedPrefix}${randomUUID()}`;
  const now = Date.now();
  const accountFolder = storage.accountFolder(share.accountName);
  properties.flushed(() => {
    properties.run(
      "INSERT INTO deleted_shares VALUES (?, ?, ?, ?, ?, ?)",
      folder,
      share.accountName,
      share.shareName,
      share.identity,
      now,
      now + retentionDays * day,
    );
  });
  try {
    renameSync(share.folder, join(accountFolder, folder));
  } catch (error) {
    forgetDeletion(storage, { folder });
    throw error;
  }
  properties.setLease(share, share.identity, undefined);
  await flushNames(accountFolder);
  if (retentionDays === 0) await purge(storage, share.accountName, { folder, share: share.identity });
}

/** The deleted shares of an account that can be restored, by name. */
export function deletedShares(storage: Storage, accountName: string): DeletedShare[] {
  const now = Date.now();
  const sql = "SELECT * FROM deleted_shares WHERE account = ? AND expires_on > ? ORDER BY name, folder";
  return storage.properties.all(sql, accountName, now).map((row) => ({
    accountName,
    shareName: String(row.name),
    version: String(row.folder).slice(deletedPrefix.length),
    identity: String(row.share),
    deletedOn: new Date(Number(row.deleted_on)),
    remainingDays: Math.ceil((Number(row.expires_on) - now) / day),
  }));
}

/** Puts a deleted share back. Throws when there is none of that name and version, or the name is in use. */
export async function restoreShare(storage: Storage, address: ShareAddress, version: string): Promise<Share> {
  const { accountName, shareName } = address;
  const found = deletedShares(storage, accountName).find((share) => share.version === version);
  if (found?.shareName !== shareName) throw new StorageError("ShareNotFound");
  const accountFolder = storage.accountFolder(accountName);
  const target = join(accountFolder, shareName);
  if (lstatSync(target, { throwIfNoEntry: false }) !== undefined) throw new StorageError("ShareAlreadyExists");
  const folder = `${deletedPrefix}${version}`;
  renameSync(join(accountFolder, folder), target);
  // The row goes when the move is on the disk: a folder that is still aside without its row would be removed.
  await flushNames(accountFolder);
  forgetDeletion(storage, { folder });
  return storage.share(address);
}

/**
 * Brings rows and folders of an account together after whatever ended this process the last time, before anyone is
 * served.
 *
 * @returns Names of folders that no row speaks of, and that may go.
 */
export function recover(storage: Storage, accountName: string): string[] {
  const { properties } = storage;
  const folder = storage.accountFolder(accountName);
  const identities = new Map(
    readdirSync(folder).flatMap((name) => {
      const stat = lstatSync(join(folder, name), { bigint: true, throwIfNoEntry: false });
      return stat === undefined ? [] : [[name, identityOf(stat)] as const];
    }),
  );
  const alive = new Set([...identities].filter(([name]) => !name.startsWith(".")).map(([, identity]) => identity));
  const known = new Set<unknown>();
  for (const row of properties.all("SELECT folder, share FROM deleted_shares WHERE account = ?", accountName)) {
    if (identities.get(String(row.folder)) === row.share) known.add(row.folder);
    else if (alive.has(String(row.share))) forgetDeletion(storage, row);
    else forget(storage, row);
  }
  for (const row of properties.all("SELECT folder, share FROM snapshots WHERE account = ?", accountName)) {
    if (identities.get(String(row.folder)) === row.share) known.add(row.folder);
    else forgetSnapshot(storage, row);
  }
  return [...identities.keys()].filter((name) => isAside(name) && !known.has(name));
}

function isAside(name: string): boolean {
  return name.startsWith(deletedPrefix) || name.startsWith(snapshotPrefix);
}

/** Removes the deleted shares of an account whose time is over. */
export async function purgeExpired(storage: Storage, accountName: string): Promise<void> {
  const sql = "SELECT folder, share FROM deleted_shares WHERE account = ? AND expires_on <= ?";
  for (const row of storage.properties.all(sql, accountName, Date.now())) await purge(storage, accountName, row);
}

/** Removes a deleted share for good. Its rows go first: folders without a row are removed whenever they are found. */
async function purge(storage: Storage, accountName: string, row: SqlRow): Promise<void> {
  const folders = forget(storage, row);
  for (const name of folders) await discard(storage, join(storage.accountFolder(accountName), name));
}

/** Drops all rows of a deleted share and of its snapshots; returns the names of the folders that they spoke of. */
function forget({ properties }: Storage, row: SqlRow): string[] {
  const folders = [String(row.folder)];
  const identity = String(row.share);
  properties.flushed(() => {
    for (const snapshot of properties.all("SELECT folder, share FROM snapshots WHERE base = ?", identity)) {
      folders.push(String(snapshot.folder));
      properties.forgetShare({ identity: String(snapshot.share) });
    }
    properties.run("DELETE FROM snapshots WHERE base = ?", identity);
    properties.forgetShare({ identity });
    forgetDeletion({ properties }, row);
  });
  return folders;
}

/** Drops the row of a deletion that did not happen, or was undone, or is complete. */
function forgetDeletion({ properties }: Pick<Storage, "properties">, row: SqlRow): void {
  properties.run("DELETE FROM deleted_shares WHERE folder = ?", String(row.folder));
}

function forgetSnapshot({ properties }: Storage, row: SqlRow): void {
  properties.transaction(() => {
    properties.run("DELETE FROM snapshots WHERE share = ?", String(row.share));
    properties.forgetShare({ identity: String(row.share) });
  });
}
