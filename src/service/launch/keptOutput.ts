import { join } from "node:path/posix";
import { isWithin } from "../../ground/containment.ts";
import type { LaunchMount } from "../engines/engine.ts";
import { StartError } from "../startError.ts";
import type { PathAdvice } from "./pathAdvice.ts";

/** A folder of mounts, and the volumes in it. */
export interface MountRoot {
  /** Variable that leads to the folder. */
  readonly variable: "AZ_BATCHAI_MOUNT_ROOT" | "AZ_BATCHAI_JOB_MOUNT_ROOT";
  readonly path: string;
  /** Mount paths of the volumes, relative to the folder, in their shortest form. */
  readonly volumes: readonly string[];
}

/** Returns the mounts in a folder, without their content. */
export function imaginedMounts({ path, volumes }: MountRoot): LaunchMount[] {
  return volumes.map((volume) => ({ source: join("/volumes", volume), target: join(path, volume) }));
}

/** A directory for output. */
export interface OutputDirectoryPath {
  readonly path: string;
  /** The path as its author wrote it. */
  readonly written: string;
  /** The property by its path in the request body. */
  readonly property: string;
}

/**
 * Checks that output in a directory is not lost by mistake. The directory is in a volume, in a scratch folder, whose name
 * says that its content is temporary, or it is a folder of mounts that has no volume: the original service accepted that.
 * @throws StartError that names the volumes.
 */
export function checkKept(
  { path, written, property }: OutputDirectoryPath,
  roots: readonly MountRoot[],
  scratchFolders: readonly string[],
  advice: PathAdvice,
): void {
  if (scratchFolders.some((folder) => isWithin(folder, path))) return;
  const isInVolume = roots.some((root) => root.volumes.some((volume) => isWithin(join(root.path, volume), path)));
  const isEmptyRoot = roots.some((root) => root.path === path && root.volumes.length === 0);
  if (isInVolume || isEmptyRoot) return;
  const reason = `${written} is not in a volume, so what is written there would be lost. ${volumesIn(roots)}`;
  throw new StartError("InvalidPath", `${reason} ${advice.notKept}`, { target: property });
}

const mostNames = 10;

function volumesIn(roots: readonly MountRoot[]): string {
  const names = roots.flatMap(({ variable, volumes }) => volumes.map((volume) => join(`$${variable}`, volume)));
  if (names.length === 0) return "No volume is mounted: add one to mountVolumes.";
  const more = names.length > mostNames ? " and others" : "";
  return `Use one of the volumes ${names.slice(0, mostNames).join(", ")}${more}, or a folder in it.`;
}
