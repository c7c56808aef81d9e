import type { ProxyResource, ResourceId } from "./resource.ts";
import type { UserAccountSettings } from "./userAccountSettings.ts";

/** Cache mode of a file server's disks: none, reading, or reading and writing. There are no other values. */
export type CachingType = "none" | "readonly" | "readwrite";

/** Type of a file server's disks: magnetic (`Standard_LRS`) or SSD (`Premium_LRS`). */
export type StorageAccountType = "Standard_LRS" | "Premium_LRS" | (string & {});

/** Progress of the creation or deletion of a file server. */
export type FileServerProvisioningState = "creating" | "updating" | "deleting" | "succeeded" | "failed" | (string & {});

/** Parameters of `fileServers.create`. */
export interface FileServerCreateParameters {
  /** Azure VM size of the server, for example `STANDARD_D2_V2`. */
  vmSize: string;
  /** SSH access to the server. */
  sshConfiguration: SshConfiguration;
  /** Data disks of the server. */
  dataDisks: DataDisks;
  /** Subnet of the server. Default: one that the service creates. */
  subnet?: ResourceId;
}

/** An NFS server with its own disks, which clusters can mount. Returned by `fileServers.get`. */
export interface FileServer extends ProxyResource {
  /** Azure VM size of the server. */
  vmSize?: string;
  /** SSH access to the server, without the password. */
  sshConfiguration?: SshConfiguration;
  /** Data disks of the server. */
  dataDisks?: DataDisks;
  /** Subnet of the server; the service sets it if the request omitted it. */
  subnet?: ResourceId;
  /** Addresses and directory of the server's data. Absent until the server is running. Set by the service. */
  readonly mountSettings?: MountSettings;
  /** Time of the last change of {@link FileServer.provisioningState}. Set by the service. */
  readonly provisioningStateTransitionTime?: Date;
  /** Creation time. Set by the service. */
  readonly creationTime?: Date;
  /** Progress of the creation or deletion. Set by the service. */
  readonly provisioningState?: FileServerProvisioningState;
}

/** Disks of a file server; several disks are striped (RAID 0). */
export interface DataDisks {
  /** Size of each disk in GB, at least 1. */
  diskSizeInGB: number;
  /**
   * Cache mode of the disks; `readonly` and `readwrite` (no other values) require a premium-capable `vmSize`.
   * Default: `none`.
   */
  cachingType?: CachingType;
  /** Number of disks, at least 1. */
  diskCount: number;
  /** Type of the disks; `Premium_LRS` requires a premium-capable `vmSize`. */
  storageAccountType: StorageAccountType;
}

/** SSH access to a file server. */
export interface SshConfiguration {
  /** IP addresses or ranges (`10.0.0.0/16`) that can connect, at most 400. Default: all addresses. */
  publicIPsToAllow?: string[];
  /** Administrator account on the server. */
  userAccountSettings: UserAccountSettings;
}

/** Addresses and directory of a file server's data. */
export interface MountSettings {
  /** Directory of the data on the server. */
  mountPoint?: string;
  /** Public IP address, for SSH on port 22. */
  fileServerPublicIP?: string;
  /** IP address in the subnet, for NFS. */
  fileServerInternalIP?: string;
}
