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
  /** The original when it was copied. */
  readonly original: BigIntStats;
  /** The directory that holds the original; of the root of a share, that root. */
  readonly parent: BigIntStats;
  /** The copy, complete. */
  readonly copy: BigIntStats;
}

/** Whom to tell of what is copied, and when to stop. */
interface Listener {
  readonly copied: (entry: CopiedEntry) => void;
  readonly signal: AbortSignal;
}

/**
 * Copies a directory with all files and directories in it to a folder that does not exist yet. The copy shares nothing
 * with the original; holes stay holes; links, pipes and devices are left out, as everywhere. What vanishes meanwhile is
 * left out too. The files of the copy are read-only. Throws the reason of `signal` once that is aborted.
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

/** Ignores that what was to be copied is not there any more, or not what it was. */
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
