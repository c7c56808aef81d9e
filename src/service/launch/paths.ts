import { join, normalize } from "node:path/posix";
import { isWithin } from "../../ground/containment.ts";
import { StartError } from "../startError.ts";
import { bytesOf, longestName, longestPath } from "./limits.ts";
import { jobPaths } from "./pathAdvice.ts";

/**
 * Checks a path to which a job or setup task may write, and returns its shortest form.
 * @param roots - Folders that a path which begins in them must not leave by `..`.
 * @param written - The path as its author wrote it, for error messages.
 * @param advice - Says how to begin the path. Default: the advice for jobs.
 * @throws StartError if the path is not absolute or leaves its root.
 */
export function containedPath(
  path: string,
  roots: readonly string[],
  property: string,
  written: string,
  advice: { readonly begin: string } = jobPaths,
): string {
  if (!path.startsWith("/")) {
    throw new StartError("InvalidPath", `the path ${written} is not absolute. ${advice.begin}`, { target: property });
  }
  rejectNul(path, property);
  const shortest = normalize(path).replace(/(.)\/$/, "$1");
  checkLength(shortest, property);
  const left = roots.find((root) => isWithin(root, path) && !isWithin(root, shortest));
  if (left !== undefined) {
    throw new StartError("InvalidPath", `the path ${written} leaves its root by "..". Name a folder in it.`, {
      target: property,
    });
  }
  return shortest;
}

/**
 * Returns the folder at `relative` below `folder`; slashes at either end are tolerated.
 * @throws StartError if it is elsewhere.
 */
export function containedChild(folder: string, relative: string, property: string): string {
  rejectNul(relative, property);
  const child = join(folder, relative).replace(/(.)\/$/, "$1");
  checkLength(child, property);
  if (!isWithin(folder, child)) {
    throw new StartError("InvalidPath", `the path ${relative} leaves its folder by "..". Name a folder in it.`, {
      target: property,
    });
  }
  return child;
}

function checkLength(path: string, property: string): void {
  if (bytesOf(path) <= longestPath && path.split("/").every((name) => bytesOf(name) <= longestName)) return;
  const limits = `${String(longestPath)} bytes, or a name in it more than ${String(longestName)}`;
  throw new StartError("InvalidPath", `the path has more than ${limits}.`, { target: property });
}

function rejectNul(path: string, property: string): void {
  if (path.includes("\0"))
    throw new StartError("InvalidPath", "the path contains a NUL character.", { target: property });
}
