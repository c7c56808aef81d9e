import type { ProxyResource, ResourceId } from "./resource.ts";
import type { UserAccountSettings } from "./userAccountSettings.ts";

/** How a file server's disks are cached: not at all, for reading, or for both. There are no other words. */
export type CachingType = "none" | "readonly" | "readwrite";

/** Kind of a file server's disks: magnetic (`Standard_LRS`) or SSD (`Premium_LRS`). */
export type StorageAccountType = "Standard_LRS" | "Premium_LRS" | (string & {});

/** How far the service has come with a file server. */
export type FileServerProvisioningState = "creating" | "updating" | "deleting" | "succeeded" | "failed" | (string & {});

/** What `fileServers.create` wants to know. */
export interface FileServerCreateParameters {
  /** Azure size of the server, for example `STANDARD_D2_V2`. */
  vmSize: string;
  /** Who may log in, and from where. */
  sshConfiguration: SshConfiguration;
  /** The disks that hold its data. */
  dataDisks: DataDisks;
  /** Subnet of the server. Default: one that the service makes. */
  subnet?: ResourceId;
}

/** An NFS server with disks of its own, for clusters to mount. Answered by `fileServers.get`. */
export interface FileServer extends ProxyResource {
  /** Azure size of the server. */
  vmSize?: string;
  /** Who may log in, and from where; without the password. */
  sshConfiguration?: SshConfiguration;
  /** The disks that hold its data. */
  dataDisks?: DataDisks;
  /** Subnet of the server; the service fills it in when it was left out. */
  subnet?: ResourceId;
  /** How to reach its data. Absent until the server is there. Set by the service. */
  readonly mountSettings?: MountSettings;
  /** When {@link FileServer.provisioningState} last changed. Set by the service. */
  readonly provisioningStateTransitionTime?: Date;
  /** When it was created. Set by the service. */
  readonly creationTime?: Date;
  /** How far its creation or deletion has come. Set by the service. */
  readonly provisioningState?: FileServerProvisioningState;
}

/** The disks of a file server; several are striped (RAID 0). */
export interface DataDisks {
  /** Size of each disk in GB, at least 1. */
  diskSizeInGB: number;
  /** Cache of the disks; `readonly` and `readwrite` (there is no other) need a premium-capable `vmSize`. Default: `none`. */
  cachingType?: CachingType;
  /** Number of disks, at least 1. */
  diskCount: number;
  /** Kind of the disks; `Premium_LRS` needs a premium-capable `vmSize`. */
  storageAccountType: StorageAccountType;
}

/** Who may log in to a file server, and from where. */
export interface SshConfiguration {
  /** Addresses or ranges (`10.0.0.0/16`) that may connect, at most 400. Default: everybody. */
  publicIPsToAllow?: string[];
  /** The account on the server. */
  userAccountSettings: UserAccountSettings;
}

/** How to reach a file server's data. */
export interface MountSettings {
  /** Directory on the server that holds the data. */
  mountPoint?: string;
  /** Public address, for SSH on port 22. */
  fileServerPublicIP?: string;
  /** Address inside the subnet, for NFS. */
  fileServerInternalIP?: string;
}
