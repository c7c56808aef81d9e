import type { ResourceId } from "./resource.ts";
import type { KeyVaultSecretReference } from "./secret.ts";

/**
 * File systems to mount: for every job of a cluster below `$AZ_BATCHAI_MOUNT_ROOT`, or for one job below
 * `$AZ_BATCHAI_JOB_MOUNT_ROOT`. Each needs a `relativeMountPath` of its own. Every list is empty by default.
 */
export interface MountVolumes {
  /** Azure file shares. */
  azureFileShares?: AzureFileShareReference[];
  /** Azure blob containers. */
  azureBlobFileSystems?: AzureBlobFileSystemReference[];
  /** File servers made by `fileServers.create`. */
  fileServers?: FileServerReference[];
  /** Anything else that a mount command can reach. */
  unmanagedFileSystems?: UnmanagedFileSystemReference[];
}

/** An Azure file share to mount. */
export interface AzureFileShareReference {
  /** Name of the storage account. */
  accountName: string;
  /** URL of the share: `https://ACCOUNT.file.core.windows.net/SHARE`. */
  azureFileUrl: string;
  /** The key of the account, or where it is kept. */
  credentials: AzureStorageCredentialsInfo;
  /** Where it appears: a path below the root of the mounts, for example `data`. */
  relativeMountPath: string;
  /** Permissions of the share's files, in octal. Default: `0777`. */
  fileMode?: string;
  /** Permissions of the share's directories, in octal. Default: `0777`. */
  directoryMode?: string;
}

/** An Azure blob container to mount. */
export interface AzureBlobFileSystemReference {
  /** Name of the storage account. */
  accountName: string;
  /** Name of the container. */
  containerName: string;
  /** The key of the account, or where it is kept. */
  credentials: AzureStorageCredentialsInfo;
  /** Where it appears: a path below the root of the mounts, for example `data`. */
  relativeMountPath: string;
  /** Options of the blobfuse mount. Default: none. */
  mountOptions?: string;
}

/** A file server to mount. */
export interface FileServerReference {
  /** The file server. */
  fileServer: ResourceId;
  /** Directory of the server to mount. Default: all of its data. */
  sourceDirectory?: string;
  /** Where it appears: a path below the root of the mounts, for example `data`. */
  relativeMountPath: string;
  /** Options of the mount, for example `rw`. Default: none. */
  mountOptions?: string;
}

/** A file system that the service knows nothing of but the command which mounts it. */
export interface UnmanagedFileSystemReference {
  /** Mount command without its last argument: the service appends the mount path. */
  mountCommand: string;
  /** Where it appears: a path below the root of the mounts, for example `data`. */
  relativeMountPath: string;
}

/** The way into a storage account. Exactly one of the key and the reference has to be given. */
export interface AzureStorageCredentialsInfo {
  /** Account key, in base64. Write-only: the service never returns it. */
  accountKey?: string;
  /** Where the key is kept, instead of {@link AzureStorageCredentialsInfo.accountKey}. */
  accountKeySecretReference?: KeyVaultSecretReference;
}
