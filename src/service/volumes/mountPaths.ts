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
  const taken = new TakenPaths();
  return mountPaths.flatMap(({ relativeMountPath, path }) => {
    const message = formProblem(relativeMountPath) ?? taken.add(relativeMountPath);
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

/** The paths that volumes have, and the folders above them. */
class TakenPaths {
  /** Mount paths as they were written, by their shortest form. */
  readonly #volumes = new Map<string, string>();
  /** For each folder above a volume, a mount path in it as it was written. */
  readonly #above = new Map<string, string>();

  /** Adds a path. Returns the problem if it overlaps with an earlier one. */
  add(written: string): string | undefined {
    const steps = stepsOf(written);
    const shortest = steps.join("/");
    const above = steps.slice(1).map((_, index) => steps.slice(0, index + 1).join("/"));
    const same = this.#volumes.has(shortest);
    const other = this.#above.get(shortest) ?? this.#volumes.get(above.find((path) => this.#volumes.has(path)) ?? "");
    if (same) return `${JSON.stringify(written)} is taken by another volume. Give each volume its own folder`;
    if (other !== undefined) {
      return `${JSON.stringify(written)} and ${JSON.stringify(other)} overlap. Give each volume its own folder`;
    }
    this.#volumes.set(shortest, written);
    for (const path of above) this.#above.set(path, written);
    return undefined;
  }
}

const longestStep = 255;
const longestMountPath = 1024;

function formProblem(path: string): string | undefined {
  if (Buffer.byteLength(path) > longestMountPath) return `must have at most ${String(longestMountPath)} bytes`;
  if (stepsOf(path).length === 0 || path.startsWith("/") || !hasNoParentSteps(path)) {
    return "must be a relative path below the mount root, without '..'";
  }
  const isTooLong = stepsOf(path).some((step) => Buffer.byteLength(step) > longestStep);
  return isTooLong ? `must have no name of more than ${String(longestStep)} bytes between its slashes` : undefined;
}

function stepsOf(path: string): string[] {
  return path.split("/").filter((step) => step !== "" && step !== ".");
}
