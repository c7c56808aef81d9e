import { lstatSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { basename, dirname } from "node:path";
import { setTimeout } from "node:timers/promises";
import { nameBatches } from "../disk/directoryNames.ts";
import { directoryState } from "../disk/directoryState.ts";
import { identityOf } from "../disk/identity.ts";
import { lookAt, pathOf } from "../disk/tree.ts";
import type { FoundPlace } from "../disk/tree.ts";
import { isGone, rootPlace } from "../disk/walk.ts";
import type { PropertyStore } from "../records/propertyStore.ts";
import type { Share } from "./share.ts";
import type { Storage } from "./storage.ts";

/** Most rows of a share that are processed together, to limit memory. */
const mostRows = 100_000;
/** Number of rows or entries after which other work gets its turn. */
const batchSize = 500;
/** Number of times that changing directories are read again before the share is left for another day. */
const mostRounds = 20;
/** Milliseconds for which a directory must be unchanged before its times are certain to show the next change. */
const settled = 100;

/** Rows that clients stored for files, and that are deleted with the files. */
const identities = "SELECT file FROM files WHERE share = ? UNION SELECT file FROM leases WHERE share = ?";

/**
 * Deletes what is stored about files and directories that were deleted on the disk. Rows have no path, so all shares
 * are searched for their files. A file that was not found is deleted for certain only if there was a moment when it was
 * nowhere in its share, rather than being moved. Directories that change during the search are therefore read again,
 * until none has changed since. If that does not happen, nothing is deleted.
 *
 * `ranges.db` does not record the share of a file, so its rows are deleted when no share has the file. Rows of files in
 * deleted shares are kept until these are removed or restored.
 */
export async function forgetGone(storage: Storage, shares: readonly Share[], areAll: boolean): Promise<void> {
  const holes = new Map<bigint, Set<string>>();
  let isComplete = areAll;
  for (const share of shares) {
    const { dev } = share.stat;
    const ofDisk = holes.get(dev) ?? new Set(storage.written.identities(dev, mostRows));
    holes.set(dev, ofDisk);
    isComplete = (await forgetGoneIn(storage, share, ofDisk).catch(() => false)) && isComplete;
  }
  if (isComplete) await forgetHoles(storage, holes);
}

/** Searches one share, and removes its files from `holes`. Returns whether the whole share was searched. */
async function forgetGoneIn(storage: Storage, share: Share, holes: Set<string>): Promise<boolean> {
  const candidates = someIdentities(storage.properties, share);
  if (candidates.size + holes.size === 0) return true;
  if (!(await removeFound(share, [candidates, holes], storage.closing))) return false;
  for (const batch of batchesOf(candidates)) {
    storage.closing.throwIfAborted();
    storage.properties.transaction(() => {
      for (const identity of batch) storage.properties.forgetFile(share, identity);
    });
    storage.written.forgetIdentities(share.stat.dev, batch);
    await setTimeout(1);
  }
  return true;
}

/** Files of snapshots always have rows, and are in no share. */
async function forgetHoles({ properties, written, closing }: Storage, holes: Map<bigint, Set<string>>): Promise<void> {
  let last = { share: "", file: "" };
  for (let rows = 1; rows > 0 && [...holes.values()].some(({ size }) => size > 0);) {
    const sql = `SELECT share, file FROM files WHERE (share, file) > (?, ?) ORDER BY share, file LIMIT ${batchSize}`;
    const page = properties.all(sql, last.share, last.file);
    for (const { share, file } of page) {
      last = { share: String(share), file: String(file) };
      for (const identities of holes.values()) identities.delete(last.file);
    }
    rows = page.length;
    await setTimeout(1, undefined, { signal: closing });
  }
  for (const [dev, identities] of holes) {
    for (const batch of batchesOf(identities)) {
      closing.throwIfAborted();
      written.forgetIdentities(dev, batch);
      await setTimeout(1);
    }
  }
}

function* batchesOf(identities: ReadonlySet<string>): Generator<string[]> {
  const rest = [...identities];
  while (rest.length > 0) yield rest.splice(-batchSize);
}

/** Returns identities that have rows; a random selection if there are too many. */
function someIdentities(properties: PropertyStore, { identity }: Share): Set<string> {
  const row = properties.get(`SELECT count(*) AS total FROM (${identities})`, identity, identity);
  const slices = Math.ceil(Number(row?.total ?? 0) / mostRows);
  const offset = Math.floor(Math.random() * slices) * mostRows;
  const rows = properties.all(`${identities} ORDER BY file LIMIT ? OFFSET ?`, identity, identity, mostRows, offset);
  return new Set(rows.map(({ file }) => String(file)));
}

/** Removes files in the share from `wanted`. Returns whether the rest was nowhere in the share at one moment. */
async function removeFound(share: Share, wanted: readonly Set<string>[], signal: AbortSignal): Promise<boolean> {
  const states = new Map<string, string>();
  let unread = [rootPlace(share.folder)];
  for (let round = 0; round < mostRounds; round++) {
    for (let next = unread.pop(); next !== undefined; next = unread.pop()) {
      removeIdentity(next, wanted);
      states.set(pathOf(next), hasSettled(next.stat) ? directoryState(next.stat) : "");
      for (const found of await readDirectory(next, wanted, signal)) {
        if (!states.has(pathOf(found))) unread.push(found);
      }
    }
    unread = await changedSince(states, share, signal);
    // The rows of a share that was deleted in the meantime are kept. Another share may have its name now.
    const root = directoryAt(share.folder, share);
    if (root === undefined || identityOf(root.stat) !== share.identity) return false;
    if (unread.length === 0) return true;
    await setTimeout(settled, undefined, { signal });
  }
  return false;
}

function removeIdentity({ stat }: FoundPlace, wanted: readonly Set<string>[]): void {
  const identity = identityOf(stat);
  for (const identities of wanted) identities.delete(identity);
}

/** Removes files in a directory from `wanted`, and returns the directories in it. */
async function readDirectory(
  place: FoundPlace,
  wanted: readonly Set<string>[],
  signal: AbortSignal,
): Promise<FoundPlace[]> {
  const directories: FoundPlace[] = [];
  try {
    for await (const names of nameBatches(pathOf(place))) {
      for (const entry of lookAt(place, names)) {
        removeIdentity(entry, wanted);
        if (entry.stat.isDirectory()) directories.push(entry);
      }
      // No client waits for this, so it leaves most of the time to other work.
      await setTimeout(names.length < batchSize ? 1 : 5, undefined, { signal });
    }
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  return directories;
}

/** Returns the directories that have changed since they were read. Removes those that no longer exist from `states`. */
async function changedSince(states: Map<string, string>, share: Share, signal: AbortSignal): Promise<FoundPlace[]> {
  const changed: FoundPlace[] = [];
  let seen = 0;
  for (const [path, state] of states) {
    const place = directoryAt(path, share);
    if (place === undefined) states.delete(path);
    else if (directoryState(place.stat) !== state) changed.push(place);
    if (++seen % batchSize === 0) await setTimeout(1, undefined, { signal });
  }
  return changed;
}

function directoryAt(path: string, { folder }: Share): FoundPlace | undefined {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat?.isDirectory() !== true) return undefined;
  return path === folder ? { folder, name: ".", stat } : { folder: dirname(path), name: basename(path), stat };
}

/** The clock of the file system is coarse: a directory that has just changed may change again without a new time. */
function hasSettled({ ctime }: BigIntStats): boolean {
  return Date.now() - ctime.getTime() > settled;
}
