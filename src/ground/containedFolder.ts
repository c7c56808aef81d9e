import { mkdirSync, realpathSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { isWithin } from "./containment.ts";
import { errorCode } from "./systemErrors.ts";

/**
 * Creates a folder and those above it in a root. Creates no folder before it knows where the folder above it really is,
 * so a symbolic link in the path never creates anything outside of the root.
 *
 * @param realRoot - Real path of an existing folder.
 * @param relativePath - Path in it, without `..`.
 * @param rootName - Name of the root in error messages.
 * @returns Real path of the folder.
 * @throws Error if a step leads out of the root, or is a file.
 */
export function createContainedFolder(realRoot: string, relativePath: string, rootName: string): string {
  const steps = relativePath.split("/").filter(Boolean);
  const missing: string[] = [];
  let real = realRoot;
  // Most of a path exists already, so the search begins at its end.
  while (steps.length > 0) {
    const found = existingFolder(join(realRoot, ...steps), realRoot, rootName);
    if (found !== undefined) {
      real = found;
      break;
    }
    missing.unshift(steps.pop() ?? "");
  }
  for (const step of missing) real = createFolder(join(real, step), realRoot, rootName);
  return real;
}

function createFolder(path: string, realRoot: string, rootName: string): string {
  try {
    mkdirSync(path);
    return path;
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
    // Another run has created it in the meantime, or it is a link that leads nowhere.
    return existingFolder(path, realRoot, rootName) ?? failed(`${basename(path)} is a symbolic link to nothing`);
  }
}

/** Returns the real path of a folder; undefined if it does not exist. */
function existingFolder(path: string, realRoot: string, rootName: string): string | undefined {
  let real: string;
  try {
    real = realpathSync.native(path);
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errorCode(error) ?? "")) return undefined;
    throw error;
  }
  const name = basename(path);
  if (!isWithin(realRoot, real)) return failed(`${name} is a symbolic link that leads out of ${rootName}`);
  if (!statSync(real).isDirectory()) return failed(`${name} is a file, not a folder`);
  return real;
}

function failed(reason: string): never {
  throw new Error(reason);
}
