import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, realpathSync } from "node:fs";
import { StorageError } from "../errors.ts";

/** A directory, and how to reach it. */
export interface Directory {
  /** Absolute path. */
  readonly folder: string;
  /**
   * Path prefix of the entries. For an open directory, it refers to this very directory, even if another program moves
   * it or replaces it by a symbolic link. It is valid until the next `await`.
   */
  readonly anchor: string;
  /** Inode number. */
  readonly id: bigint;
}

interface OpenDirectory extends Directory {
  readonly descriptor: number;
}

const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/**
 * Only Linux has path prefixes for open directories. Elsewhere, directories are checked and their own paths are used.
 */
const onLinux = process.platform === "linux";
const mostKept = 32;
/** In milliseconds. For this long, readers do not notice that a file system was mounted over a directory. */
const longestKept = 100;

/** Directories that are kept open, by path. The one that was opened last comes last. */
const kept = new Map<string, OpenDirectory>();
let closing: NodeJS.Timeout | undefined;

/**
 * Opens a directory and calls `use` with its anchor. Throws if there is no directory at that absolute path, or if the
 * path contains a symbolic link.
 */
export function withDirectory<T>(folder: string, use: (anchor: string) => T): T {
  if (!onLinux) return use(requireReal(folder));
  const descriptor = open(folder);
  try {
    return use(anchorOf(descriptor));
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Opens a directory like {@link withDirectory}, and keeps it open for a moment, because clients often read several
 * files of a directory in a row.
 */
export function keepDirectory(folder: string): Directory {
  if (!onLinux) return { folder, anchor: requireReal(folder), id: lstatSync(folder, { bigint: true }).ino };
  const found = keptDirectory(folder);
  if (found !== undefined) return found;
  const descriptor = open(folder);
  const { ino } = fstatSync(descriptor, { bigint: true });
  const directory = { folder, anchor: anchorOf(descriptor), id: ino, descriptor };
  kept.set(folder, directory);
  const [oldest] = kept.values();
  if (kept.size > mostKept && oldest !== undefined) close(oldest);
  closing ??= setTimeout(closeDirectories, longestKept).unref();
  return directory;
}

/** Returns the directory at a path, if it was opened a moment ago and is still there. */
export function keptDirectory(folder: string): OpenDirectory | undefined {
  const directory = kept.get(folder);
  if (directory === undefined || isAt(directory.descriptor, folder)) return directory;
  close(directory);
  return undefined;
}

/** Closes all directories. Until then, their file systems cannot be unmounted. */
export function closeDirectories(): void {
  clearTimeout(closing);
  closing = undefined;
  for (const directory of kept.values()) close(directory);
}

function requireReal(folder: string): string {
  if (realpathSync(folder) !== folder) throw new StorageError("ResourceNotFound");
  return folder;
}

function open(folder: string): number {
  const descriptor = openSync(folder, flags);
  if (isAt(descriptor, folder)) return descriptor;
  closeSync(descriptor);
  throw new StorageError("ResourceNotFound");
}

function anchorOf(descriptor: number): string {
  return `/proc/self/fd/${descriptor}`;
}

function isAt(descriptor: number, folder: string): boolean {
  return readlinkSync(anchorOf(descriptor)) === folder;
}

function close({ folder, descriptor }: OpenDirectory): void {
  kept.delete(folder);
  closeSync(descriptor);
}
