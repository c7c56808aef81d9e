import { join, normalize } from "node:path/posix";
import { isWithin } from "../../ground/containment.ts";
import { StartError } from "../startError.ts";

/**
 * Checks a path that a job may write to and brings it into its shortest form.
 * @param roots - Folders that a path which begins in them must not leave by `..`.
 * @throws StartError when the path is not absolute or leaves its root.
 */
export function containedPath(path: string, roots: readonly string[], property: string): string {
  if (!path.startsWith("/")) {
    const hint = "Begin it with $AZ_BATCHAI_MOUNT_ROOT, $AZ_BATCHAI_JOB_MOUNT_ROOT or $AZ_BATCHAI_JOB_TEMP_DIR.";
    throw new StartError("InvalidPath", `the path ${path} is not absolute. ${hint}`, { target: property });
  }
  rejectNul(path, property);
  const shortest = normalize(path).replace(/(.)\/$/, "$1");
  const left = roots.find((root) => isWithin(root, path) && !isWithin(root, shortest));
  if (left !== undefined) {
    throw new StartError("InvalidPath", `the path ${path} leaves ${left} by "..". Name a folder below it.`, {
      target: property,
    });
  }
  return shortest;
}

/**
 * The folder at `relative` below `folder`; slashes at either end are tolerated.
 * @throws StartError when it would lie elsewhere.
 */
export function containedChild(folder: string, relative: string, property: string): string {
  rejectNul(relative, property);
  const child = join(folder, relative).replace(/(.)\/$/, "$1");
  if (!isWithin(folder, child)) {
    throw new StartError("InvalidPath", `the path ${relative} leaves its folder by "..".`, { target: property });
  }
  return child;
}

/**
 * The absolute path of a mount.
 * @throws StartError when the relative path is empty, absolute or contains `..`.
 */
export function mountTarget(root: string, relativeMountPath: string, property: string): string {
  const target = join(root, relativeMountPath).replace(/(.)\/$/, "$1");
  const leavesRoot = relativeMountPath.startsWith("/") || relativeMountPath.split("/").includes("..");
  if (leavesRoot || relativeMountPath.includes("\0") || target === root) {
    const wanted = 'It has to be a path below the mount root, without ".." and without a slash in front.';
    throw new StartError("InvalidMountPath", `"${relativeMountPath}" cannot be mounted. ${wanted}`, {
      target: property,
    });
  }
  return target;
}

function rejectNul(path: string, property: string): void {
  if (path.includes("\0"))
    throw new StartError("InvalidPath", "the path contains a NUL character.", { target: property });
}
