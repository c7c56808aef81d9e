import { constants, fchmodSync, ftruncateSync, futimesSync, lstatSync, mkdirSync, openSync, utimesSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { join } from "node:path";
import { wholeFile } from "./byteRanges.ts";
import { copyContent } from "./content.ts";
import { statOf, withDescriptor } from "./descriptor.ts";
import { openPlace } from "./tree.ts";
import type { FoundPlace } from "./tree.ts";
import { entriesIn, isGone } from "./walk.ts";

/** One file or directory that was copied. */
export interface CopiedEntry {
  /** State of the original when it was copied. */
  readonly original: BigIntStats;
  /** State of the directory of the original; for the root of a share, of the root itself. */
  readonly parent: BigIntStats;
  /** State of the complete copy. */
  readonly copy: BigIntStats;
}

/** Callback for copied entries, and the signal that stops the copy. */
interface Listener {
  readonly copied: (entry: CopiedEntry) => void;
  readonly signal: AbortSignal;
}

/**
 * Copies a directory, with all files and directories in it, to a folder that does not exist yet. The copy shares
 * nothing with the original. Holes stay holes. Skips links, pipes and devices, and entries that disappear in the
 * meantime. The files of the copy are read-only. Rejects with the reason of `signal` when that is aborted.
 */
export async function copyTree(
  source: FoundPlace,
  target: string,
  copied: (entry: CopiedEntry) => void,
  signal: AbortSignal,
): Promise<void> {
  await copyDirectory(source, target, { copied, signal }, source.stat);
}

async function copyDirectory(
  source: FoundPlace,
  target: string,
  listener: Listener,
  parent: BigIntStats,
): Promise<void> {
  mkdirSync(target);
  for await (const place of entriesIn(source)) {
    listener.signal.throwIfAborted();
    const path = join(target, place.name);
    if (place.stat.isDirectory()) await unlessGone(copyDirectory(place, path, listener, source.stat));
    else await unlessGone(copyFile(place, path, listener, source.stat));
  }
  utimesSync(target, source.stat.atime, source.stat.mtime);
  listener.copied({ original: source.stat, parent, copy: lstatSync(target, { bigint: true }) });
}

/** Ignores errors that report that the original no longer exists or was replaced. */
async function unlessGone(copying: Promise<void>): Promise<void> {
  try {
    await copying;
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

async function copyFile(
  place: FoundPlace,
  path: string,
  { copied, signal }: Listener,
  parent: BigIntStats,
): Promise<void> {
  await withDescriptor(openPlace(place, "read"), async (source) => {
    const original = statOf(source);
    if (!original.isFile()) return;
    const target = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    await withDescriptor(target, async () => {
      ftruncateSync(target, Number(original.size));
      await copyContent(source, target, wholeFile(Number(original.size)), () => signal.throwIfAborted());
      futimesSync(target, original.atime, original.mtime);
      fchmodSync(target, Number(original.mode) & 0o555);
      copied({ original, parent, copy: statOf(target) });
    });
  });
}
