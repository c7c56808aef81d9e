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
  AttachContext,
  AttachedVolume,
  NeededResource,
  VolumeHost,
  VolumeKind,
  VolumeLists,
  VolumeMount,
  VolumeOwner,
  VolumeProperty,
  VolumeReference,
} from "./volume.ts";

/** All kinds of volumes, in the order in which they are mounted. */
const kinds: { readonly [P in VolumeProperty]: VolumeKind<P> } = {
  azureFileShares,
  azureBlobFileSystems,
  fileServers,
  unmanagedFileSystems,
};

/** One volume of a request, whatever its kind is. */
interface Volume extends MountPath {
  readonly issues: ValidationIssue[];
  readonly needs: readonly NeededResource[];
  /** The reference with its secrets; no other volume of its owner has the same. */
  readonly text: string;
  attach(context: AttachContext): Promise<AttachedVolume>;
}

/**
 * Returns the problems of the volumes of a cluster or job.
 * @param path - `mountVolumes` by its path in the request body.
 */
export function volumeIssues(volumes: MountVolumes | undefined, path: string): ValidationIssue[] {
  const listed = volumesIn(volumes, path);
  return [...listed.flatMap(({ issues }) => issues), ...mountPathIssues(listed)];
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
 * volumes at the same root at the same time. What it mounts stays until the owner is released: see `Mounts`.
 * Rejects with a `StartError` if a volume cannot be mounted, and with the reason of the signal if it is aborted.
 */
export async function attachVolumes(
  volumes: MountVolumes | undefined,
  owner: VolumeOwner,
  host: VolumeHost,
  abortSignal: AbortSignal,
): Promise<VolumeMount[]> {
  const listed = volumesIn(volumes, "mountVolumes");
  const [issue] = mountPathIssues(listed);
  if (issue) throw new StartError("InvalidMountPath", `${issue.message}.`, { target: issue.path });
  const mounts: VolumeMount[] = [];
  for (const volume of listed) {
    abortSignal.throwIfAborted();
    const name = host.nameFor(volume.text);
    const attached = await volume.attach({
      host,
      abortSignal,
      mount: (commandFor) =>
        owner.isFar
          ? Promise.reject(notOnOtherMachines())
          : host.mounts.mount(owner.name, name, commandFor, abortSignal, owner.isUsed),
    });
    // The mount root belongs to the next run now, if this one was stopped in the meantime.
    abortSignal.throwIfAborted();
    const target = await linkBelow(owner.mountRoot, shortestMountPath(volume.relativeMountPath), attached);
    mounts.push({ ...attached, target });
  }
  return mounts;
}

function notOnOtherMachines(): StartError {
  const reason =
    "the nodes in Slurm do not see what the service mounts. Use a file share of the service or a file server, or a folder " +
    "that is already mounted on the nodes, by its path.";
  return new StartError("MountFailed", `The volume cannot be mounted: ${reason}`);
}

/** A place in a file share or blob container. */
export interface LocationOnVolume {
  readonly share?: VolumeMount["share"] & { readonly path: string };
  readonly container?: VolumeMount["container"] & { readonly path: string };
}

/** Returns where an absolute path is on a mounted share or container; empty if it is on neither. */
export function locationOnVolume(path: string, mounts: readonly VolumeMount[]): LocationOnVolume {
  const mount = mounts.find(({ target }) => isWithin(target, path));
  if (mount === undefined) return {};
  const below = path.slice(mount.target.length + 1);
  if (mount.share) return { share: { ...mount.share, path: below } };
  return mount.container ? { container: { ...mount.container, path: below } } : {};
}

function volumesIn(volumes: MountVolumes = {}, path: string): Volume[] {
  return Object.values(kinds).flatMap((kind) => volumesOf(kind, volumes, path));
}

function volumesOf<P extends VolumeProperty>(kind: VolumeKind<P>, volumes: VolumeLists, path: string): Volume[] {
  const references: readonly VolumeReference<P>[] = volumes[kind.property] ?? [];
  return references.map((reference, index) => {
    return volumeOf(kind, reference, `${path}.${kind.property}[${String(index)}]`);
  });
}

function volumeOf<P extends VolumeProperty>(kind: VolumeKind<P>, reference: VolumeReference<P>, path: string): Volume {
  return {
    path,
    relativeMountPath: reference.relativeMountPath,
    issues: kind.issues(reference, path),
    needs: kind.needs(reference),
    text: JSON.stringify([kind.property, reference]),
    attach: (context) => kind.attach(reference, context),
  };
}
