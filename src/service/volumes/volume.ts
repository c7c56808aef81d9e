import type {
  AzureBlobFileSystemReference,
  AzureFileShareReference,
  FileServerReference,
  MountVolumes,
  UnmanagedFileSystemReference,
} from "../../models/mountVolumes.ts";
import type { ResourceKind } from "../../wire/resourceIds.ts";
import type { ValidationIssue } from "../../wire/validate.ts";
import type { LaunchMount } from "../engines/engine.ts";
import type { CommandFor, Mounts } from "./mounts.ts";

/** The lists of volumes in a request; each contains one kind. */
export type VolumeProperty = keyof MountVolumes;

/** The entries of these lists. */
interface VolumeReferences {
  readonly azureFileShares: AzureFileShareReference;
  readonly azureBlobFileSystems: AzureBlobFileSystemReference;
  readonly fileServers: FileServerReference;
  readonly unmanagedFileSystems: UnmanagedFileSystemReference;
}

/** One entry of such a list. */
export type VolumeReference<P extends VolumeProperty> = VolumeReferences[P];

/** `MountVolumes` in a form in which the compiler sees that a list and its entries belong together. */
export type VolumeLists = { readonly [P in VolumeProperty]?: readonly VolumeReference<P>[] | undefined };

/** A file share that the service hosts. */
export interface ShareName {
  readonly accountName: string;
  readonly shareName: string;
}

/** A blob container of an account that the service does not host. */
export interface ContainerName {
  readonly accountName: string;
  readonly containerName: string;
}

/** A volume whose content is in a folder. */
export interface AttachedVolume {
  /** Absolute path of the folder. */
  readonly source: string;
  /** The file share that it is. */
  readonly share?: ShareName;
  /** The blob container that it is. If it is neither a share nor a container, the API cannot list its files. */
  readonly container?: ContainerName;
  /**
   * Whether the folder is a file system that the service has mounted for this cluster or job. {@link Mounts} unmounts it.
   * Default: false.
   */
  readonly isMount?: true;
}

/** A volume and the absolute path at which runs find it. */
export interface VolumeMount extends LaunchMount, AttachedVolume {}

/** The places where volumes are found. */
export interface VolumeHost {
  /** Names of the storage accounts that the service hosts. */
  readonly accountNames: readonly string[];
  /** Whether this is the key of that account. */
  holdsKey(accountName: string, accountKey: string): boolean;
  /** Returns the absolute folder of a share, or one sentence that says why it cannot be used. */
  findShare(share: ShareName): { readonly folder: string } | { readonly problem: string };
  /** Returns the URL of an account's file shares, for example `http://127.0.0.1:10101/account`. */
  fileEndpoint(accountName: string): string;
  /** Returns the absolute folder of a file server, which may not exist yet; undefined if the file server does not exist. */
  fileServerFolder(fileServerId: string): string | undefined;
  /** End of the host names of storage accounts, such as `core.windows.net`. */
  readonly storageSuffix: string;
  /** The file systems that the service has mounted. */
  readonly mounts: Mounts;
  /** Returns a short name for a text with secrets, which reveals nothing about it. */
  nameFor(text: string): string;
}

/** The cluster or job for which volumes are attached. */
export interface VolumeOwner {
  /** Its name among the owners of {@link Mounts}. */
  readonly name: string;
  /** `$AZ_BATCHAI_MOUNT_ROOT` or `$AZ_BATCHAI_JOB_MOUNT_ROOT`. */
  readonly mountRoot: string;
  /** Whether runs other than the one that attaches its volumes use them. Default: never. */
  readonly isUsed?: () => boolean;
  /** Whether its runs are on other machines, which see folders of the service but nothing that it mounts. Default: false. */
  readonly isFar?: boolean;
}

/** The surroundings in which a volume is attached. */
export interface AttachContext {
  readonly host: VolumeHost;
  readonly abortSignal: AbortSignal;
  /**
   * Mounts a file system for the owner of the volume, and returns its absolute path. Rejects with a `MountFailure`, and
   * with the reason of the signal if it is aborted.
   */
  readonly mount: (commandFor: CommandFor) => Promise<string>;
}

/** A resource that must exist, and stay, while something mounts a volume. */
export interface NeededResource {
  readonly kind: ResourceKind;
  readonly id: string;
  /** The property that names it: in {@link VolumeKind.needs} by its path in the reference. */
  readonly property: string;
}

/** A kind of volume that the service can mount, and everything that the service knows about it. */
export interface VolumeKind<P extends VolumeProperty> {
  /** The list of `mountVolumes` that holds volumes of this kind. */
  readonly property: P;
  /**
   * Returns the problems of a reference, for clusters and jobs alike. The rules for mount paths are the same for every
   * kind: see mountPaths.ts.
   * @param path - The reference by its path in the request body.
   */
  issues(reference: VolumeReference<P>, path: string): ValidationIssue[];
  /** Returns the resources that must exist, and stay, while something mounts the volume. */
  needs(reference: VolumeReference<P>): readonly NeededResource[];
  /**
   * Turns the volume into a folder. May wait, for example for a network.
   * Rejects with a `StartError` if the volume cannot be mounted.
   */
  attach(reference: VolumeReference<P>, context: AttachContext): Promise<AttachedVolume>;
}
