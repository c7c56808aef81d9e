import { join, normalize } from "node:path/posix";
import { LaunchError } from "../startError.ts";

/** Whether a normalised absolute path is the folder itself or lies below it. */
export function isWithin(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}

/**
 * Checks a path that a job may write to and brings it into its shortest form.
 * @param roots - Folders that a path which begins in them must not leave by `..`.
 * @throws LaunchError when the path is not absolute or leaves its root.
 */
export function containedPath(path: string, roots: readonly string[], property: string): string {
  if (!path.startsWith("/")) {
    const hint = "Begin it with $AZ_BATCHAI_MOUNT_ROOT, $AZ_BATCHAI_JOB_MOUNT_ROOT or $AZ_BATCHAI_JOB_TEMP_DIR.";
    throw new LaunchError("InvalidPath", property, `the path ${path} is not absolute. ${hint}`);
  }
  rejectNul(path, property);
  const shortest = normalize(path).replace(/(.)\/$/, "$1");
  const left = roots.find((root) => isWithin(root, path) && !isWithin(root, shortest));
  if (left !== undefined) {
    throw new LaunchError("InvalidPath", property, `the path ${path} leaves ${left} by "..". Name a folder below it.`);
  }
  return shortest;
}

/**
 * The folder at `relative` below `folder`; slashes at either end are tolerated.
 * @throws LaunchError when it would lie elsewhere.
 */
export function containedChild(folder: string, relative: string, property: string): string {
  rejectNul(relative, property);
  const child = join(folder, relative).replace(/(.)\/$/, "$1");
  if (!isWithin(folder, child)) {
    throw new LaunchError("InvalidPath", property, `the path ${relative} leaves its folder by "..".`);
  }
  return child;
}

/**
 * The absolute path of a mount.
 * @throws LaunchError when the relative path is empty, absolute or contains `..`.
 */
export function mountTarget(root: string, relativeMountPath: string, property: string): string {
  const target = join(root, relativeMountPath).replace(/(.)\/$/, "$1");
  const leavesRoot = relativeMountPath.startsWith("/") || relativeMountPath.split("/").includes("..");
  if (leavesRoot || relativeMountPath.includes("\0") || target === root) {
    const wanted = 'It has to be a path below the mount root, without ".." and without a slash in front.';
    throw new LaunchError("InvalidMountPath", property, `"${relativeMountPath}" cannot be mounted. ${wanted}`);
  }
  return target;
}

function rejectNul(path: string, property: string): void {
  if (path.includes("\0")) throw new LaunchError("InvalidPath", property, "the path contains a NUL character.");
}
