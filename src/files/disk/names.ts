import { StorageError } from "../errors.ts";

const shareName = /^(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;
const accountName = /^[a-z0-9]{3,24}$/;
// eslint-disable-next-line no-control-regex -- control characters are exactly what is refused
const neverAllowed = /[\u0000-\u001F\u007F/\\]/;
const notForNewNames = /["|:<>*?]/;
const reservedNames = /^(con|prn|aux|nul|clock\$|com[1-9]|lpt[1-9])$/i;
const longestSegment = 255;
const longestPath = 2048;
const deepestPath = 250;

/** Whether a name is valid for a storage account: 3 to 24 lowercase letters and digits. */
export function isAccountName(name: string): boolean {
  return accountName.test(name);
}

/** Whether a name is valid for a share: 3 to 63 lowercase letters, digits and single inner hyphens. */
export function isShareName(name: string): boolean {
  return shareName.test(name);
}

/**
 * Checks the names of a path in a share, and throws if one of them could leave its directory. A checked name is safe to
 * pass to the file system as a single component.
 */
export function checkPath(segments: readonly string[]): void {
  for (const segment of segments) {
    if (segment === "" || /^\.+$/.test(segment) || neverAllowed.test(segment)) {
      throw new StorageError("InvalidResourceName");
    }
    if (segment.length > longestSegment) throw new StorageError("InvalidFileOrDirectoryPathName");
  }
  if (segments.length > deepestPath || segments.join("/").length > longestPath) {
    throw new StorageError("InvalidFileOrDirectoryPathName");
  }
}

/** Whether clients can address a path in a share. A program may give a file on the disk a name that they cannot. */
export function isAddressable(segments: readonly string[]): boolean {
  try {
    checkPath(segments);
    return true;
  } catch {
    return false;
  }
}

/** Rejects a name that Windows does not allow. Existing files with such names stay readable. */
export function checkNewName(name: string): void {
  if (notForNewNames.test(name) || reservedNames.test(name)) throw new StorageError("InvalidResourceName");
}

/** Splits a path, such as `logs/train.txt`, into checked names. */
export function parsePath(path: string): string[] {
  const segments = segmentsOf(path);
  checkPath(segments);
  return segments;
}

/**
 * Splits a path on the disk into names, which clients need not be able to address. Throws if one of them could leave
 * its directory.
 */
export function parseDiskPath(path: string): string[] {
  const segments = segmentsOf(path);
  if (segments.includes("..") || path.includes("\0")) throw new StorageError("InvalidResourceName");
  return segments;
}

function segmentsOf(path: string): string[] {
  return path.split("/").filter((segment) => segment !== "" && segment !== ".");
}

/**
 * Returns a key that sorts names as Azure lists them: ignoring case, and then by spelling, lowercase first. A lowercase
 * name is its own key, because lists of 100,000 names are kept in memory.
 */
export function sortKey(name: string): string {
  const folded = name.toLowerCase();
  return folded === name ? name : `${folded}\u0000${name}`;
}

/** Returns the name that a sort key was created from. */
export function nameOfKey(key: string): string {
  return key.slice(key.indexOf("\u0000") + 1);
}

/** Compares two strings by their UTF-16 units, as `sort` does by default. */
export function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
