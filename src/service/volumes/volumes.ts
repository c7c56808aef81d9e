import type { MountVolumes } from "../../models/mountVolumes.ts";
import { isWithin } from "../../ground/containment.ts";
import type { ValidationIssue } from "../../wire/validate.ts";
import { StartError } from "../startError.ts";
import { azureBlobFileSystems } from "./azureBlobFileSystems.ts";
import { azureFileShares } from "./azureFileShares.ts";
import { fileServers } from "./fileServers.ts";
import { linkBelow } from "./mountLinks.ts";
import { mountPathIssues, shortestMountPath, type MountPath } from "./mountPaths.ts";
import { unmanagedFileSystems } from "./unmanagedFileSystems.ts";
import type {
  AttachedVolume,
  NeededResource,
  ShareName,
  UnsupportedVolumeKind,
  VolumeHost,
  VolumeKind,
  VolumeLists,
  VolumeMount,
  VolumeProperty,
  VolumeReference,
} from "./volume.ts";

type AnyKind<P extends VolumeProperty> = VolumeKind<P> | UnsupportedVolumeKind<P>;

/** All kinds of volumes, in the order in which they are mounted. */
const kinds: { readonly [P in VolumeProperty]: AnyKind<P> } = {
  azureFileShares,
  azureBlobFileSystems,
  fileServers,
  unmanagedFileSystems,
};

/** One volume of a request, whatever its kind is. */
interface Volume extends MountPath {
  readonly issues: ValidationIssue[];
  readonly needs: readonly NeededResource[];
  attach(host: VolumeHost, abortSignal: AbortSignal): Promise<AttachedVolume>;
}

/**
 * Returns the problems of the volumes of a cluster or job.
 * @param path - `mountVolumes` by its path in the request body.
 */
export function volumeIssues(volumes: MountVolumes | undefined, path: string): ValidationIssue[] {
  const listed = volumesIn(volumes, path);
  return [...unsupportedIssues(volumes, path), ...listed.flatMap(({ issues }) => issues), ...mountPathIssues(listed)];
}

/**
 * Returns the resources that must exist, and stay, while something mounts these volumes.
 * @param path - `mountVolumes` by its path in the request body.
 */
export function resourcesNeededBy(volumes: MountVolumes | undefined, path: string): NeededResource[] {
  return volumesIn(volumes, path).flatMap((volume) =>
    volume.needs.map((needed) => ({ ...needed, property: `${volume.path}.${needed.property}` })),
  );
}

/**
 * Turns volumes into folders, and shows each at its path below the mount root. May wait. Several runs may attach the same
 * volumes at the same root at the same time.
 * Rejects with a `StartError` if a volume cannot be mounted, and with the reason of the signal if it is aborted.
 */
export async function attachVolumes(
  volumes: MountVolumes | undefined,
  mountRoot: string,
  host: VolumeHost,
  abortSignal: AbortSignal,
): Promise<VolumeMount[]> {
  const listed = volumesIn(volumes, "mountVolumes");
  const [issue] = mountPathIssues(listed);
  if (issue) throw new StartError("InvalidMountPath", `${issue.message}.`, { target: issue.path });
  const mounts: VolumeMount[] = [];
  for (const volume of listed) {
    abortSignal.throwIfAborted();
    const attached = await volume.attach(host, abortSignal);
    // The mount root belongs to the next run now, if this one was stopped in the meantime.
    abortSignal.throwIfAborted();
    const target = await linkBelow(mountRoot, shortestMountPath(volume.relativeMountPath), attached.source);
    mounts.push({ ...attached, target });
  }
  return mounts;
}

/** Returns the file share that contains an absolute path, and the path in it; undefined if no mounted share does. */
export function locationOnShare(
  path: string,
  mounts: readonly VolumeMount[],
): (ShareName & { readonly path: string }) | undefined {
  const mount = mounts.find(({ target }) => isWithin(target, path));
  return mount?.share && { ...mount.share, path: path.slice(mount.target.length + 1) };
}

function unsupportedIssues(volumes: MountVolumes | undefined, path: string): ValidationIssue[] {
  return Object.values(kinds).flatMap((kind) => {
    const isUsed = (volumes?.[kind.property]?.length ?? 0) > 0;
    return isUsed && isUnsupported(kind) ? [{ path: `${path}.${kind.property}`, message: kind.unsupported }] : [];
  });
}

function volumesIn(volumes: MountVolumes = {}, path: string): Volume[] {
  return Object.values(kinds).flatMap((kind) => volumesOf(kind, volumes, path));
}

function volumesOf<P extends VolumeProperty>(kind: AnyKind<P>, volumes: VolumeLists, path: string): Volume[] {
  const references: readonly VolumeReference<P>[] = volumes[kind.property] ?? [];
  return references.map((reference, index) => {
    return volumeOf(kind, reference, `${path}.${kind.property}[${String(index)}]`);
  });
}

function volumeOf<P extends VolumeProperty>(kind: AnyKind<P>, reference: VolumeReference<P>, path: string): Volume {
  const { relativeMountPath } = reference;
  if (isUnsupported(kind)) {
    const attach = () => Promise.reject(new StartError("MountFailed", `${kind.unsupported}.`, { target: path }));
    return { path, relativeMountPath, issues: [], needs: [], attach };
  }
  return {
    path,
    relativeMountPath,
    issues: kind.issues(reference, path),
    needs: kind.needs(reference),
    attach: (host, abortSignal) => kind.attach(reference, host, abortSignal),
  };
}

function isUnsupported<P extends VolumeProperty>(kind: AnyKind<P>): kind is UnsupportedVolumeKind<P> {
  return "unsupported" in kind;
}
