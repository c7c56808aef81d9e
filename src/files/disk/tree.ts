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
import { opendir } from "node:fs/promises";
import { join } from "node:path";
import { StorageError } from "../errors.ts";
import { directoryStateAt } from "./directoryState.ts";
import { forgetListing, keepListing, keptListing, mostKeptNames } from "./keptListings.ts";
import { changingNames, mayHold } from "./knownNames.ts";
import { checkNewName, compareText, sortKey } from "./names.ts";
import { keepDirectory, keptDirectory, withDirectory } from "./openDirectories.ts";
import type { Directory } from "./openDirectories.ts";

/** A name in a directory of a share, and what is there at the moment. */
export interface Place {
  /** Absolute path of the directory that holds the name; for the root of a share, of the share itself. */
  readonly folder: string;
  /** Name as it is on the disk, or as it will be when something is created; `.` for the root of a share. */
  readonly name: string;
  /** What is there; undefined when nothing is. Never the target of a symbolic link. */
  readonly stat: BigIntStats | undefined;
}

/** A {@link Place} where something was found. */
export interface FoundPlace extends Place {
  readonly stat: BigIntStats;
}

/** A {@link Place} to which a path led. */
export interface LocatedPlace extends Place {
  /** Inode number of the directory that holds the name. */
  readonly folderId: bigint;
}

/** The folder of a share. */
export interface Root {
  readonly folder: string;
  readonly stat: BigIntStats;
}

/** How {@link locate} reads a path. */
export interface LocateOptions {
  /** Whether `a.` is a name of its own; SMB, and so Azure by default, reads it as `a`. */
  readonly keepTrailingDots?: boolean;
  /**
   * Whether what is there is only looked at. Then it certainly is in its share: no symbolic link, put on the way
   * meanwhile, has led out of it. Who opens the place (see {@link openPlace}) finds that out anyway.
   */
  readonly looksOnly?: boolean;
}

const noFollow = constants.O_NOFOLLOW | constants.O_NONBLOCK;

/*
 * Calls about names (lstat, open, mkdir) are synchronous on purpose: on a local disk they take microseconds, a tenth of
 * a trip through the thread pool, and nothing of this process can come between two of them. Data and whole directories
 * are read asynchronously.
 */

/**
 * Follows checked names (see `checkPath`) from the folder of a share to a place. Names are found without regard to
 * case, an exact match first. Symbolic links are never followed: a path through one does not exist.
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

/** Absolute path of a place. */
export function pathOf(place: Place): string {
  return place.name === "." ? place.folder : join(place.folder, place.name);
}

/** The place, if a regular file is there. */
export function requireFile<P extends Place>(place: P): P & FoundPlace {
  if (place.stat?.isFile() !== true) throw new StorageError("ResourceNotFound");
  return { ...place, stat: place.stat };
}

/** The place, if a directory is there. */
export function requireDirectory<P extends Place>(place: P): P & FoundPlace {
  if (place.stat?.isDirectory() !== true) throw new StorageError("ResourceNotFound");
  return { ...place, stat: place.stat };
}

/** Changes the names in a directory, to which one may be added; `change` gets a path prefix that means it. */
function changeDirectory<T>(folder: string, newName: string | undefined, change: (anchor: string) => T): T {
  return withDirectory(folder, (anchor) => changingNames(folder, newName, () => change(anchor)));
}

/**
 * Opens what is at a place, a directory or regular file; whatever else someone puts there meanwhile is refused and
 * never waited for.
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

/** Creates an empty file where nothing is. Returns a file descriptor that the caller closes. */
export function createFile(place: Place): number {
  checkNewName(place.name);
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | noFollow;
  return changeDirectory(place.folder, place.name, (anchor) => openSync(`${anchor}/${place.name}`, flags, 0o666));
}

/** Creates a directory where nothing is. */
export function createDirectory(place: Place): void {
  checkNewName(place.name);
  changeDirectory(place.folder, place.name, (anchor) => {
    mkdirSync(`${anchor}/${place.name}`);
  });
}

/** Moves a file from outside to its place in a share, over whatever file is there. */
export function placeFile(path: string, place: Place): void {
  changeDirectory(place.folder, place.name, (anchor) => {
    renameSync(path, `${anchor}/${place.name}`);
  });
}

/** Gives a file or directory a new place in its share, over whatever file is there. */
export function movePlace(source: Place, destination: Place): void {
  changeDirectory(source.folder, undefined, (from) => {
    changeDirectory(destination.folder, destination.name, (to) => {
      renameSync(`${from}/${source.name}`, `${to}/${destination.name}`);
    });
  });
}

/** Removes a file. */
export function removeFile(place: Place): void {
  changeDirectory(place.folder, undefined, (anchor) => {
    unlinkSync(`${anchor}/${place.name}`);
  });
}

/** Removes an empty directory. */
export function removeDirectory(place: Place): void {
  changeDirectory(place.folder, undefined, (anchor) => {
    rmdirSync(`${anchor}/${place.name}`);
  });
}

/** Which sort keys {@link keysIn} looks for. */
export interface KeyRange {
  /** Only keys that are larger. */
  readonly after?: string;
  /** Only keys that begin so. */
  readonly prefix?: string;
  /** At most so many, the smallest ones. */
  readonly limit?: number;
}

/**
 * Sort keys (see `sortKey`) of what is in a directory, in Azure's order. Links, pipes and devices are among them; only
 * {@link lookAt} finds out, for as many names as someone wants to see. Names of a directory with more than one page are
 * kept for the next page, unless there are so many that even holding them would be too much.
 */
export async function keysIn(place: Place, range: KeyRange = {}): Promise<string[]> {
  const folder = pathOf(place);
  const kept = range.after === undefined || range.after === "" ? undefined : keptListing(folder);
  return kept === undefined ? readKeys(folder, range) : select(kept, range);
}

async function readKeys(folder: string, range: KeyRange): Promise<string[]> {
  const { after = "", prefix = "", limit = Number.POSITIVE_INFINITY } = range;
  const state = directoryStateAt(folder) ?? "";
  // Two generations of a long list are more than anybody needs.
  if (after === "") forgetListing(folder);
  let isComplete = limit !== Number.POSITIVE_INFINITY;
  let keys: string[] = [];
  for await (const { name } of await opendir(folder, { bufferSize: 512 })) {
    const key = sortKey(name);
    if (isComplete || (key > after && key.startsWith(prefix))) keys.push(key);
    if (keys.length > (isComplete ? mostKeptNames : 4 * limit)) {
      isComplete = false;
      keys = select(keys.sort(), range);
    }
  }
  keys.sort();
  if (isComplete && keys.length > limit) keepListing(folder, state, keys);
  return select(keys, range);
}

/** Of sorted keys, those in a range. */
function select(keys: readonly string[], { after = "", prefix = "", limit }: KeyRange): string[] {
  let start = 0;
  for (let end = keys.length; start < end;) {
    const middle = (start + end) >> 1;
    const key = keys[middle] ?? "";
    if (key > after && key >= prefix) end = middle;
    else start = middle + 1;
  }
  const found = keys.slice(start, limit === undefined ? undefined : start + limit);
  const past = found.findIndex((key) => !key.startsWith(prefix));
  return past < 0 ? found : found.slice(0, past);
}

/** Looks at some names of a directory; those that are gone, or neither file nor directory, are left out. */
export function lookAt(place: Place, names: readonly string[]): FoundPlace[] {
  const folder = pathOf(place);
  return withDirectory(folder, (anchor) =>
    names.flatMap((name) => {
      const stat = lstat(`${anchor}/${name}`);
      return stat !== undefined && (stat.isFile() || stat.isDirectory()) ? [{ folder, name, stat }] : [];
    }),
  );
}
