import type { MountVolumes } from "../../models/mountVolumes.ts";
import { shortestMountPath } from "./mountPaths.ts";
import type { VolumeLists } from "./volume.ts";

/** Returns the mount paths of all volumes in their shortest form, relative to the mount root. */
export function relativeMountPathsOf(volumes: MountVolumes = {}): string[] {
  const byKind: VolumeLists = volumes;
  const lists: readonly (VolumeLists[keyof VolumeLists] | undefined)[] = Object.values(byKind);
  return lists.flatMap((list) => (list ?? []).map((volume) => shortestMountPath(volume.relativeMountPath)));
}
