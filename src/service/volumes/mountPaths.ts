import { isWithin } from "../../ground/containment.ts";
import type { ValidationIssue } from "../../wire/validate.ts";

/** The mount path of a volume, and the volume by its path in the request body. */
export interface MountPath {
  readonly relativeMountPath: string;
  readonly path: string;
}

/**
 * Returns the problems of mount paths below one root. A volume must have a folder of its own there: two volumes with the
 * same mount path, or one inside the other, are a problem of the later one.
 */
export function mountPathIssues(mountPaths: readonly MountPath[]): ValidationIssue[] {
  return mountPaths.flatMap(({ relativeMountPath, path }, index) => {
    const message = isBelowRoot(relativeMountPath)
      ? overlapWith(mountPaths.slice(0, index), relativeMountPath)
      : "must be a relative path below the mount root, without '..'";
    return message === undefined ? [] : [{ path: `${path}.relativeMountPath`, message }];
  });
}

/** Returns the shortest form of a mount path: `./a//b/` is `a/b`. */
export function shortestMountPath(relativeMountPath: string): string {
  return stepsOf(relativeMountPath).join("/");
}

/** Whether a path stays in the folder in which it begins. */
export function hasNoParentSteps(path: string): boolean {
  return !path.includes("\0") && !path.split("/").includes("..");
}

function overlapWith(earlier: readonly MountPath[], relativeMountPath: string): string | undefined {
  const mine = shortestMountPath(relativeMountPath);
  for (const other of earlier) {
    if (!isBelowRoot(other.relativeMountPath)) continue;
    const theirs = shortestMountPath(other.relativeMountPath);
    if (mine === theirs) return `${JSON.stringify(relativeMountPath)} is taken by another volume`;
    if (isWithin(mine, theirs) || isWithin(theirs, mine)) {
      return `${JSON.stringify(relativeMountPath)} and ${JSON.stringify(other.relativeMountPath)} overlap. Give each volume its own folder`;
    }
  }
  return undefined;
}

function isBelowRoot(path: string): boolean {
  return stepsOf(path).length > 0 && !path.startsWith("/") && hasNoParentSteps(path);
}

function stepsOf(path: string): string[] {
  return path.split("/").filter((step) => step !== "" && step !== ".");
}
