import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, realpathSync } from "node:fs";
import { StorageError } from "../errors.ts";

/** A directory, and what leads to it. */
export interface Directory {
  /** Its absolute path. */
  readonly folder: string;
  /**
   * Path prefix for what is in it. That of an open directory means this very directory, even when someone moves it or puts
   * a symbolic link in its place meanwhile, and is good until anything is awaited.
   */
  readonly anchor: string;
  /** Its inode number. */
  readonly id: bigint;
}

interface OpenDirectory extends Directory {
  readonly descriptor: number;
}

const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** Only here there are prefixes that mean open directories; elsewhere directories are checked, and their paths used. */
const onLinux = process.platform === "linux";
const mostKept = 32;
/** In milliseconds. For so long, readers do not notice that a file system was mounted over a directory. */
const longestKept = 100;

/** Directories that are kept open, by path; the one that was opened last comes last. */
const kept = new Map<string, OpenDirectory>();
let closing: NodeJS.Timeout | undefined;

/**
 * Opens a directory for as long as `use` takes, which gets its anchor. Throws when there is none at that absolute path, or
 * a symbolic link leads to it.
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
 * Opens a directory like {@link withDirectory}, and keeps it open for a moment: requests tend to ask for one file after the
 * other of the same directory.
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

/** The directory at a path, if it was opened a moment ago and still is there. */
export function keptDirectory(folder: string): OpenDirectory | undefined {
  const directory = kept.get(folder);
  if (directory === undefined || isAt(directory.descriptor, folder)) return directory;
  close(directory);
  return undefined;
}

/** Lets go of all directories. Until then, the file systems on which they lie cannot be unmounted. */
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
