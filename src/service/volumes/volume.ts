import type { MountVolumes } from "../../models/mountVolumes.ts";
import type { ValidationIssue } from "../../wire/validate.ts";
import type { LaunchMount } from "../engines/engine.ts";

/** The lists of volumes in a request; each holds one kind. */
export type VolumeProperty = keyof MountVolumes;

/** One entry of such a list. */
export type VolumeReference<P extends VolumeProperty> = NonNullable<MountVolumes[P]>[number];

/** A file share that the service hosts. */
export interface ShareName {
  readonly accountName: string;
  readonly shareName: string;
}

/** A volume whose content is in a folder. */
export interface AttachedVolume {
  /** Absolute path of the folder. */
  readonly source: string;
  /** The file share that it is. Absent: the API cannot list its files. */
  readonly share?: ShareName;
}

/** A volume and the path at which runs find it. */
export interface VolumeMount extends LaunchMount, AttachedVolume {}

/** The places where volumes are found. */
export interface VolumeHost {
  /** Names of the storage accounts that the service hosts. */
  readonly accountNames: readonly string[];
  /** Whether this is the key of that account. */
  holdsKey(accountName: string, accountKey: string): boolean;
  /** Returns the absolute folder of a share; undefined if the share does not exist. */
  shareFolder(accountName: string, shareName: string): string | undefined;
  /** Returns the URL of an account's file shares, for example `http://127.0.0.1:10101/account`. */
  fileEndpoint(accountName: string): string;
  /** Returns the absolute folder of a file server, by the ID of the file server; undefined if it does not exist. */
  fileServerFolder(fileServerId: string): string | undefined;
}

/** Everything that the service knows about one kind of volume. */
export interface VolumeKind<P extends VolumeProperty> {
  /** The list of `mountVolumes` that holds volumes of this kind. */
  readonly property: P;
  /**
   * Returns the problems of a reference, for clusters and jobs alike.
   * @param path - The reference by its path in the request body.
   */
  issues(reference: VolumeReference<P>, path: string): ValidationIssue[];
  /** Returns the IDs of the resources that must exist, and stay, while something mounts the volume. */
  needs(reference: VolumeReference<P>): { readonly property: string; readonly id: string }[];
  /**
   * Turns the volume into a folder. May wait, for example for a network.
   * Rejects with a `StartError` if the volume cannot be mounted.
   */
  attach(reference: VolumeReference<P>, host: VolumeHost, abortSignal: AbortSignal): Promise<AttachedVolume>;
}
