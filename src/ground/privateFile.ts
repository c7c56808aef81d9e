import { accessSync, chmodSync, closeSync, constants, lstatSync, openSync } from "node:fs";
import { reasonOf } from "./systemErrors.ts";

/** Creates a file that only its owner can read, or takes the permissions of others from a file that exists. */
export function makePrivateFile(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) closeSync(openSync(path, "wx", 0o600));
  makePrivate(path);
}

/** Takes all permissions of others from a file or folder that exists. Never follows a symbolic link. */
export function makePrivate(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined || stat.isSymbolicLink() || (stat.mode & 0o077) === 0) return;
  chmodSync(path, stat.mode & 0o7700);
}

/** Returns why one of these files or folders cannot be read and written, in plain words; undefined if all can. */
export function accessProblem(paths: readonly string[]): string | undefined {
  for (const path of paths) {
    try {
      if (lstatSync(path, { throwIfNoEntry: false })) accessSync(path, constants.R_OK | constants.W_OK);
    } catch (error) {
      return `${reasonOf(error)} (${path})`;
    }
  }
  return undefined;
}
