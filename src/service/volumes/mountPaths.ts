import type { LaunchMount } from "../engines/engine.ts";
import { StartError } from "../startError.ts";
import { isWithin } from "../../ground/containment.ts";
import { mountTarget } from "../launch/paths.ts";

/** A volume whose folder on this machine is known. */
export interface MountedFolder {
  /** Absolute path of the folder. */
  readonly source: string;
  /** Path below the mount root at which jobs find it. */
  readonly relativeMountPath: string;
}

/**
 * The mounts of volumes below one root.
 * @param property - The property that lists the volumes, for error messages.
 * @throws StartError when a mount path is not relative, or lies at or below another one.
 */
export function mountsBelow(root: string, folders: readonly MountedFolder[], property: string): LaunchMount[] {
  const mounts = folders.map(({ source, relativeMountPath }) => ({
    source,
    target: mountTarget(root, relativeMountPath, `${property}.relativeMountPath`),
  }));
  mounts.forEach((mount, index) => {
    const other = mounts.find(({ target }, position) => position !== index && isWithin(target, mount.target));
    if (other === undefined) return;
    const paths = `"${folders[index]?.relativeMountPath}" and "${other.target.slice(root.length + 1)}"`;
    const message = `the mount paths ${paths} overlap. Give each volume a folder of its own.`;
    throw new StartError("InvalidMountPath", message, { target: `${property}.relativeMountPath` });
  });
  return mounts;
}
