import { lstatSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { basename, dirname } from "node:path";
import { setTimeout } from "node:timers/promises";
import { identityOf } from "./description.ts";
import type { PropertyStore } from "./properties.ts";
import type { Share, Storage } from "./storage.ts";
import { pathOf } from "./tree.ts";
import type { FoundPlace } from "./tree.ts";
import { entriesIn, isGone, rootPlace } from "./walk.ts";

/** Most rows of a share that are looked at in one go, so that memory stays bounded. */
const mostRows = 100_000;
/** Rows that are removed, and entries that are looked at, before others get their turn. */
const batchSize = 500;
/** How often directories that change meanwhile are read again before the share is left for another day. */
const mostRounds = 20;
/** Milliseconds for which a directory has to be unchanged before its times can be trusted to tell the next change. */
const settled = 100;

/** What a client stored for files; both belong to files and go with them. */
const identities = "SELECT file FROM files WHERE share = ? UNION SELECT file FROM leases WHERE share = ?";

/**
 * Drops what is stored about files and directories that jobs or people have deleted on the disk. No row has a path, so
 * the share is searched for the files that rows speak of. What is not found is gone only if there was a moment at which
 * it was nowhere in the share, and not merely on the move: so directories that change during the search are read again,
 * until none has changed since it was read. Where that does not happen, nothing is dropped.
 */
export async function forgetGone(storage: Storage, share: Share): Promise<void> {
  const candidates = someIdentities(storage.properties, share);
  if (candidates.size === 0 || !(await removeFound(share, candidates, storage.closing))) return;
  const gone = [...candidates];
  while (gone.length > 0) {
    storage.closing.throwIfAborted();
    const batch = gone.splice(-batchSize);
    storage.properties.transaction(() => {
      for (const identity of batch) storage.properties.forgetFile(share, identity);
    });
    storage.written.forgetIdentities(share.stat.dev, batch);
    await setTimeout(1);
  }
}

/** Identities of which rows speak; where there are very many, some of them. */
function someIdentities(properties: PropertyStore, { identity }: Share): Set<string> {
  const row = properties.get(`SELECT count(*) AS total FROM (${identities})`, identity, identity);
  const slices = Math.ceil(Number(row?.total ?? 0) / mostRows);
  const offset = Math.floor(Math.random() * slices) * mostRows;
  const rows = properties.all(`${identities} ORDER BY file LIMIT ? OFFSET ?`, identity, identity, mostRows, offset);
  return new Set(rows.map(({ file }) => String(file)));
}

/** Removes from `wanted` what is in the share. Returns whether the rest was nowhere in it at one moment. */
async function removeFound(share: Share, wanted: Set<string>, signal: AbortSignal): Promise<boolean> {
  const states = new Map<string, string>();
  let unread = [rootPlace(share.folder)];
  for (let round = 0; round < mostRounds; round++) {
    for (let next = unread.pop(); next !== undefined; next = unread.pop()) {
      wanted.delete(identityOf(next.stat));
      states.set(pathOf(next), hasSettled(next.stat) ? stateOf(next.stat) : "");
      for (const found of await readDirectory(next, wanted, signal)) {
        if (!states.has(pathOf(found))) unread.push(found);
      }
    }
    unread = await changedSince(states, share, signal);
    // A share that was deleted meanwhile keeps its rows; another one may have its name by now.
    const root = directoryAt(share.folder, share);
    if (root === undefined || identityOf(root.stat) !== share.identity) return false;
    if (unread.length === 0) return true;
    await setTimeout(settled, undefined, { signal });
  }
  return false;
}

/** Removes from `wanted` what is in a directory, and returns the directories in it. */
async function readDirectory(place: FoundPlace, wanted: Set<string>, signal: AbortSignal): Promise<FoundPlace[]> {
  const directories: FoundPlace[] = [];
  let seen = 0;
  try {
    for await (const entry of entriesIn(place)) {
      wanted.delete(identityOf(entry.stat));
      if (entry.stat.isDirectory()) directories.push(entry);
      // Nobody waits for this, so it takes no more than its share of the time.
      if (++seen % batchSize === 0) await setTimeout(5, undefined, { signal });
    }
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  signal.throwIfAborted();
  return directories;
}

/** Directories that are not as they were when they were read; those that are gone are dropped. */
async function changedSince(states: Map<string, string>, share: Share, signal: AbortSignal): Promise<FoundPlace[]> {
  const changed: FoundPlace[] = [];
  let seen = 0;
  for (const [path, state] of states) {
    const place = directoryAt(path, share);
    if (place === undefined) states.delete(path);
    else if (stateOf(place.stat) !== state) changed.push(place);
    if (++seen % batchSize === 0) await setTimeout(1, undefined, { signal });
  }
  return changed;
}

function directoryAt(path: string, { folder }: Share): FoundPlace | undefined {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat?.isDirectory() !== true) return undefined;
  return path === folder ? { folder, name: ".", stat } : { folder: dirname(path), name: basename(path), stat };
}

function stateOf({ dev, ino, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${dev}-${ino}-${mtimeNs}-${ctimeNs}`;
}

/** The file system's clock is coarse: a directory that has just changed may change again without showing it. */
function hasSettled({ ctime }: BigIntStats): boolean {
  return Date.now() - ctime.getTime() > settled;
}
