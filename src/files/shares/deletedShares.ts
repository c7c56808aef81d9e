import { randomUUID } from "node:crypto";
import { lstatSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { SqlRow } from "../../ground/sqlite.ts";
import { flushNames } from "../disk/flush.ts";
import { identityOf } from "../disk/identity.ts";
import { StorageError } from "../errors.ts";
import type { ShareAddress } from "../records/properties.ts";
import { steadyNow } from "../times.ts";
import type { Share } from "./share.ts";
import { discard, snapshotPrefix } from "./snapshots.ts";
import type { Storage } from "./storage.ts";

/** Start of the folder names of deleted shares, beside the shares of their account. */
export const deletedPrefix = ".deleted-";

const day = 24 * 60 * 60 * 1000;

/** A share that was deleted and can still be restored. */
export interface DeletedShare extends ShareAddress {
  /** Distinguishes deleted shares with the same name. */
  readonly version: string;
  /** Identity of the folder. */
  readonly identity: string;
  readonly deletedOn: Date;
  /** Days until it is removed, rounded up. */
  readonly remainingDays: number;
}

/**
 * Deletes a share with its snapshots. Its folder is moved aside, and removed after `retentionDays`. The row is flushed
 * to disk before the move: a row without a folder means that the share was never deleted, and a folder without a row is
 * removed.
 */
export async function deleteShare(storage: Storage, share: Share, retentionDays: number): Promise<void> {
  const { properties } = storage;
  const folder = `${deletedPrefix}${randomUUID()}`;
  const accountFolder = storage.accountFolder(share.accountName);
  const now = Math.floor(steadyNow());
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

/** Returns the names of the deleted shares of an account that can be restored. */
export function namesOfDeleted(storage: Storage, accountName: string): string[] {
  const sql = "SELECT DISTINCT name FROM deleted_shares WHERE account = ? AND expires_on > ?";
  return storage.properties.all(sql, accountName, steadyNow()).map(({ name }) => String(name));
}

/** Returns the deleted shares with a name that can be restored, in order. */
export function deletedShares(storage: Storage, { accountName, shareName }: ShareAddress): DeletedShare[] {
  const now = steadyNow();
  const sql = "SELECT * FROM deleted_shares WHERE account = ? AND name = ? AND expires_on > ? ORDER BY folder";
  return storage.properties.all(sql, accountName, shareName, now).map((row) => ({
    accountName,
    shareName,
    version: String(row.folder).slice(deletedPrefix.length),
    identity: String(row.share),
    deletedOn: new Date(Number(row.deleted_on)),
    remainingDays: Math.ceil((Number(row.expires_on) - now) / day),
  }));
}

/** Restores a deleted share. Throws if there is none with that name and version, or if the name is in use. */
export async function restoreShare(storage: Storage, address: ShareAddress, version: string): Promise<Share> {
  const { accountName, shareName } = address;
  if (!deletedShares(storage, address).some((share) => share.version === version))
    throw new StorageError("ShareNotFound");
  const accountFolder = storage.accountFolder(accountName);
  const target = join(accountFolder, shareName);
  if (lstatSync(target, { throwIfNoEntry: false }) !== undefined) throw new StorageError("ShareAlreadyExists");
  const folder = `${deletedPrefix}${version}`;
  renameSync(join(accountFolder, folder), target);
  // The row is deleted after the move is flushed, because a folder without a row would be removed.
  await flushNames(accountFolder);
  forgetDeletion(storage, { folder });
  return storage.share(address);
}

/**
 * Brings rows and folders of an account together after a crash, before the first request.
 *
 * @returns Names of folders without a row, which can be removed.
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

/** Removes the deleted shares of an account that have expired. */
export async function purgeExpired(storage: Storage, accountName: string): Promise<void> {
  const sql = "SELECT folder, share FROM deleted_shares WHERE account = ? AND expires_on <= ?";
  for (const row of storage.properties.all(sql, accountName, steadyNow())) await purge(storage, accountName, row);
}

/**
 * Removes a deleted share permanently. Its rows are deleted first, because folders without a row are removed whenever
 * they are found.
 */
async function purge(storage: Storage, accountName: string, row: SqlRow): Promise<void> {
  const folders = forget(storage, row);
  for (const name of folders) await discard(storage, join(storage.accountFolder(accountName), name));
}

/** Deletes all rows of a deleted share and of its snapshots. Returns the names of their folders. */
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

/** Deletes the row of a deletion that did not happen, was undone, or is complete. */
function forgetDeletion({ properties }: Pick<Storage, "properties">, row: SqlRow): void {
  properties.run("DELETE FROM deleted_shares WHERE folder = ?", String(row.folder));
}

function forgetSnapshot({ properties }: Storage, row: SqlRow): void {
  properties.transaction(() => {
    properties.run("DELETE FROM snapshots WHERE share = ?", String(row.share));
    properties.forgetShare({ identity: String(row.share) });
  });
}
