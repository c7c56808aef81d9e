import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  unlinkSync,
} from "node:fs";
import type { BigIntStats } from "node:fs";
import { join } from "node:path";
import { StorageError } from "../errors.ts";
import { changingNames, mayHold } from "./knownNames.ts";
import { checkNewName, compareText } from "./names.ts";
import { keepDirectory, keptDirectory, withDirectory } from "./openDirectories.ts";
import type { Directory } from "./openDirectories.ts";

/** A name in a directory of a share, and what currently has that name. */
export interface Place {
  /** Absolute path of the directory that contains the name; for the root of a share, of the root itself. */
  readonly folder: string;
  /** Name on the disk, existing or new; `.` for the root of a share. */
  readonly name: string;
  /** State of the file or directory; undefined if it does not exist. Never that of the target of a symbolic link. */
  readonly stat: BigIntStats | undefined;
}

/** A {@link Place} with an existing file or directory. */
export interface FoundPlace extends Place {
  readonly stat: BigIntStats;
}

/** A {@link Place} that a path leads to. */
export interface LocatedPlace extends Place {
  /** Inode number of the directory that contains the name. */
  readonly folderId: bigint;
}

/** The folder of a share. */
export interface Root {
  readonly folder: string;
  readonly stat: BigIntStats;
}

/** Options of {@link locate}. */
export interface LocateOptions {
  /** Whether `a.` differs from `a`. SMB, and therefore Azure by default, ignores trailing dots. */
  readonly keepTrailingDots?: boolean;
  /**
   * Whether the caller only looks at the place and does not open it. If true, `locate` makes sure that the place is in
   * its share, even if another program inserts a symbolic link. {@link openPlace} does that in any case.
   */
  readonly looksOnly?: boolean;
}

/** Mode of new files, less the umask. Scripts on a share can be started by their path, as on a mounted share of Azure. */
export const newFileMode = 0o777;

const noFollow = constants.O_NOFOLLOW | constants.O_NONBLOCK;

/*
 * Calls with names (lstat, open, mkdir) are synchronous on purpose. On a local disk they take microseconds, a tenth of
 * a trip through the thread pool, and no other code of this process can run between two of them. Content and whole
 * directories are read asynchronously.
 */

/**
 * Follows checked names (see `checkPath`) from the folder of a share to a place. Names match in any case, but an exact
 * match takes precedence. Symbolic links are not followed: a path through a link does not exist.
 */
export function locate(root: Root, path: readonly string[], options: LocateOptions = {}): LocatedPlace {
  const { folder, stat } = root;
  const name = path.at(-1);
  if (name === undefined) return { folder, name: ".", stat, folderId: stat.ino };
  const find = options.looksOnly === true ? openFolder : findFolder;
  const parent = find({ folder, anchor: folder, id: stat.ino }, path.slice(0, -1), options);
  return { ...findIn(parent, name, options), folderId: parent.id };
}

function openFolder(root: Directory, path: readonly string[], options: LocateOptions): Directory {
  return keptDirectory(join(root.folder, ...path)) ?? keepDirectory(findFolder(root, path, options).folder);
}

function findFolder(root: Directory, path: readonly string[], options: LocateOptions): Directory {
  return path.reduce((parent, name) => {
    const found = findIn(parent, name, options);
    if (found.stat?.isDirectory() !== true) throw new StorageError("ParentNotFound");
    const folder = pathOf(found);
    return { folder, anchor: folder, id: found.stat.ino };
  }, root);
}

function findIn({ folder, anchor }: Directory, segment: string, options: LocateOptions): Place {
  const exact = lstat(`${anchor}/${segment}`);
  if (exact !== undefined) return { folder, name: segment, stat: exact };
  const wanted = options.keepTrailingDots === true ? segment : segment.replace(/\.+$/, "");
  const name = findSpelling(folder, wanted) ?? wanted;
  if (name === segment) return { folder, name, stat: undefined };
  return { folder, name, stat: lstat(`${anchor}/${name}`) };
}

function findSpelling(folder: string, wanted: string): string | undefined {
  if (!mayHold(folder, wanted)) return undefined;
  const key = wanted.toLowerCase();
  const spellings = readdirSync(folder).filter((name) => name.toLowerCase() === key);
  return spellings.includes(wanted) ? wanted : spellings.sort(compareText)[0];
}

function lstat(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

/** Returns the absolute path of a place. */
export function pathOf(place: Place): string {
  return place.name === "." ? place.folder : join(place.folder, place.name);
}

/** Returns the place if it is a regular file. Throws otherwise. */
export function requireFile<P extends Place>(place: P): P & FoundPlace {
  if (place.stat?.isFile() !== true) throw new StorageError("ResourceNotFound");
  return { ...place, stat: place.stat };
}

/** Returns the place if it is a directory. Throws otherwise. */
export function requireDirectory<P extends Place>(place: P): P & FoundPlace {
  if (place.stat?.isDirectory() !== true) throw new StorageError("ResourceNotFound");
  return { ...place, stat: place.stat };
}

/**
 * Calls `change`, which changes the names in a directory, with a path prefix for that very directory. `newName` is a
 * name that it may add.
 */
function changeDirectory<T>(folder: string, newName: string | undefined, change: (anchor: string) => T): T {
  return withDirectory(folder, (anchor) => changingNames(folder, newName, () => change(anchor)));
}

/**
 * Opens the file or directory at a place. Rejects anything else that another program puts there, and never waits for
 * it.
 *
 * @returns A file descriptor that the caller closes.
 */
export function openPlace(place: Place, access: "read" | "write"): number {
  const flags = (access === "read" ? constants.O_RDONLY : constants.O_RDWR) | noFollow;
  const descriptor = withDirectory(place.folder, (anchor) => openSync(`${anchor}/${place.name}`, flags));
  const stat = fstatSync(descriptor);
  if (stat.isFile() || stat.isDirectory()) return descriptor;
  closeSync(descriptor);
  throw new StorageError("ResourceNotFound");
}

/** Creates an empty file at a free place. Returns a file descriptor that the caller closes. */
export function createFile(place: Place): number {
  checkNewName(place.name);
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | noFollow;
  return changeDirectory(place.folder, place.name, (anchor) => openSync(`${anchor}/${place.name}`, flags, newFileMode));
}

/** Creates a directory at a free place. */
export function createDirectory(place: Place): void {
  checkNewName(place.name);
  changeDirectory(place.folder, place.name, (anchor) => {
    mkdirSync(`${anchor}/${place.name}`);
  });
}

/** Moves a file from outside to its place in a share. Replaces a file that is there. */
export function placeFile(path: string, place: Place): void {
  changeDirectory(place.folder, place.name, (anchor) => {
    renameSync(path, `${anchor}/${place.name}`);
  });
}

/** Moves a file or directory to a new place in its share. Replaces a file that is there. */
export function movePlace(source: Place, destination: Place): void {
  changeDirectory(source.folder, undefined, (from) => {
    changeDirectory(destination.folder, destination.name, (to) => {
      renameSync(`${from}/${source.name}`, `${to}/${destination.name}`);
    });
  });
}

/** Deletes a file. */
export function removeFile(place: Place): void {
  changeDirectory(place.folder, undefined, (anchor) => {
    unlinkSync(`${anchor}/${place.name}`);
  });
}

/** Deletes an empty directory. */
export function removeDirectory(place: Place): void {
  changeDirectory(place.folder, undefined, (anchor) => {
    rmdirSync(`${anchor}/${place.name}`);
  });
}

/**
 * Returns the entries of a directory with some names. Skips those that no longer exist, or are neither file nor
 * directory.
 */
export function lookAt(place: Place, names: readonly string[]): FoundPlace[] {
  const folder = pathOf(place);
  return withDirectory(folder, (anchor) =>
    names.flatMap((name) => {
      const stat = lstat(`${anchor}/${name}`);
      return stat !== undefined && (stat.isFile() || stat.isDirectory()) ? [{ folder, name, stat }] : [];
    }),
  );
}
