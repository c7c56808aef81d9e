import type { ResourceId } from "./resource.ts";
import type { KeyVaultSecretReference } from "./secret.ts";

/**
 * File systems to mount: for every job of a cluster under `$AZ_BATCHAI_MOUNT_ROOT`, or for one job under
 * `$AZ_BATCHAI_JOB_MOUNT_ROOT`. Each `relativeMountPath` must be unique. Every list is empty by default.
 */
export interface MountVolumes {
  /** Azure file shares. */
  azureFileShares?: AzureFileShareReference[];
  /** Azure blob containers. */
  azureBlobFileSystems?: AzureBlobFileSystemReference[];
  /** File servers that were created with `fileServers.create`. */
  fileServers?: FileServerReference[];
  /** Other file systems, mounted with your own command. */
  unmanagedFileSystems?: UnmanagedFileSystemReference[];
}

/** An Azure file share to mount. */
export interface AzureFileShareReference {
  /** Name of the storage account. */
  accountName: string;
  /** URL of the share: `https://ACCOUNT.file.core.windows.net/SHARE`. */
  azureFileUrl: string;
  /** Key of the account, or a reference to it. */
  credentials: AzureStorageCredentialsInfo;
  /** Mount path, relative to the root of the mounts, for example `data`. */
  relativeMountPath: string;
  /** Permissions of the files of the share, in octal. Default: `0777`. */
  fileMode?: string;
  /** Permissions of the directories of the share, in octal. Default: `0777`. */
  directoryMode?: string;
}

/** An Azure blob container to mount. */
export interface AzureBlobFileSystemReference {
  /** Name of the storage account. */
  accountName: string;
  /** Name of the container. */
  containerName: string;
  /** Key of the account, or a reference to it. */
  credentials: AzureStorageCredentialsInfo;
  /** Mount path, relative to the root of the mounts, for example `data`. */
  relativeMountPath: string;
  /** Options of the blobfuse mount. Default: none. */
  mountOptions?: string;
}

/** A file server to mount. */
export interface FileServerReference {
  /** The file server. */
  fileServer: ResourceId;
  /** Directory of the server to mount. Default: the root of its data. */
  sourceDirectory?: string;
  /** Mount path, relative to the root of the mounts, for example `data`. */
  relativeMountPath: string;
  /** Options of the mount, for example `rw`. Default: none. */
  mountOptions?: string;
}

/** A file system that the service mounts with your own command. */
export interface UnmanagedFileSystemReference {
  /** Mount command without its last argument; the service appends the mount path. */
  mountCommand: string;
  /** Mount path, relative to the root of the mounts, for example `data`. */
  relativeMountPath: string;
}

/** Credentials for a storage account. Exactly one of the key and the key reference is required. */
export interface AzureStorageCredentialsInfo {
  /** Account key in Base64. Write-only: the service never returns it. */
  accountKey?: string;
  /** Key Vault secret that contains the key, instead of {@link AzureStorageCredentialsInfo.accountKey}. */
  accountKeySecretReference?: KeyVaultSecretReference;
}
