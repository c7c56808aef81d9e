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

/** Whether `name` follows Azure's rules for storage accounts: 3 to 24 lower-case letters and digits. */
export function isAccountName(name: string): boolean {
  return accountName.test(name);
}

/** Whether `name` follows Azure's rules for shares: 3 to 63 lower-case letters, digits and single inner hyphens. */
export function isShareName(name: string): boolean {
  return shareName.test(name);
}

/**
 * Checks the names of a path below a share, one by one, and throws when one of them could leave the directory it is
 * meant for. After this check a name is safe to hand to the file system as a single component.
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

/** Refuses a name that Windows could not hold. Files that are already there under such names stay readable. */
export function checkNewName(name: string): void {
  if (notForNewNames.test(name) || reservedNames.test(name)) throw new StorageError("InvalidResourceName");
}

/** Splits a path as people write it, such as `logs/train.txt`, into checked segments. */
export function parsePath(path: string): string[] {
  const segments = path.split("/").filter((segment) => segment !== "" && segment !== ".");
  checkPath(segments);
  return segments;
}

/**
 * Text that orders names the way Azure lists them: without regard to case, and then by their spelling, the one in lower
 * case first. That one is its own key, because lists of 100,000 names are kept in memory.
 */
export function sortKey(name: string): string {
  const folded = name.toLowerCase();
  return folded === name ? name : `${folded}\u0000${name}`;
}

/** The name that a sort key was made from. */
export function nameOfKey(key: string): string {
  return key.slice(key.indexOf("\u0000") + 1);
}

/** Compares two strings by their UTF-16 units, as `sort` does by default. */
export function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
