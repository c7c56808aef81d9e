import { readFileSync } from "node:fs";
import { isWithin } from "./containment.ts";

/** A file system that is mounted on this machine. */
export interface MountedFileSystem {
  /** Absolute path at which it is mounted. */
  readonly target: string;
  /** Type, for example `fuse.rclone` or `ext4`. */
  readonly type: string;
}

/**
 * Returns the file systems that are mounted at a path or below it, in the order in which they were mounted. Asks the
 * kernel, never a file system, so that one that hangs cannot delay the caller.
 * @param path - Real path: without symbolic links.
 */
export function mountsBelow(path: string): MountedFileSystem[] {
  return mountTable().filter(({ target }) => isWithin(path, target));
}

/**
 * Returns the file systems that cover a path below a root, in the order in which they were mounted: they are mounted at the
 * path, or between the root and the path. Then what is found at the path is not what the owner of the root put there.
 */
export function mountsCovering(root: string, path: string): MountedFileSystem[] {
  return mountTable().filter(({ target }) => target !== root && isWithin(root, target) && isWithin(target, path));
}

/** Whether a file system is mounted at exactly this real path. */
export function isMountPoint(path: string): boolean {
  return mountTable().some(({ target }) => target === path);
}

function mountTable(): MountedFileSystem[] {
  if (process.platform !== "linux") return [];
  const lines = readFileSync("/proc/self/mountinfo", "utf8").split("\n").filter(Boolean);
  return lines.map((line) => {
    const [, , , , target = ""] = line.split(" ");
    const [, type = ""] = / - (\S+)/.exec(line) ?? [];
    return { target: unescaped(target), type };
  });
}

/** The kernel writes blanks and backslashes in paths as octal numbers. */
function unescaped(path: string): string {
  const bytes = path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
  return bytes === path ? path : Buffer.from(bytes, "latin1").toString();
}
