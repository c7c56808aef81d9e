import type {
  AzureBlobFileSystemReference,
  AzureFileShareReference,
  AzureStorageCredentialsInfo,
  FileServerReference,
  MountVolumes,
  UnmanagedFileSystemReference,
} from "../../models/mountVolumes.ts";
import { resourceId } from "./resource.ts";
import { arrayOf, model, object, optional, required, secret, string } from "../schema.ts";
import { keyVaultSecretReference } from "./secret.ts";

/** Table of `AzureStorageCredentialsInfo`. */
export const azureStorageCredentialsInfo = model<AzureStorageCredentialsInfo>("AzureStorageCredentialsInfo", {
  accountKey: secret("accountKey", string),
  accountKeySecretReference: optional("accountKeySecretReference", object(keyVaultSecretReference)),
});

/** Table of `AzureFileShareReference`. */
export const azureFileShareReference = model<AzureFileShareReference>("AzureFileShareReference", {
  accountName: required("accountName", string),
  azureFileUrl: required("azureFileUrl", string),
  credentials: required("credentials", object(azureStorageCredentialsInfo)),
  relativeMountPath: required("relativeMountPath", string),
  fileMode: optional("fileMode", string, "0777"),
  directoryMode: optional("directoryMode", string, "0777"),
});

/** Table of `AzureBlobFileSystemReference`. */
export const azureBlobFileSystemReference = model<AzureBlobFileSystemReference>("AzureBlobFileSystemReference", {
  accountName: required("accountName", string),
  containerName: required("containerName", string),
  credentials: required("credentials", object(azureStorageCredentialsInfo)),
  relativeMountPath: required("relativeMountPath", string),
  mountOptions: optional("mountOptions", string),
});

/** Table of `FileServerReference`. */
export const fileServerReference = model<FileServerReference>("FileServerReference", {
  fileServer: required("fileServer", object(resourceId)),
  sourceDirectory: optional("sourceDirectory", string),
  relativeMountPath: required("relativeMountPath", string),
  mountOptions: optional("mountOptions", string),
});

/** Table of `UnmanagedFileSystemReference`. */
export const unmanagedFileSystemReference = model<UnmanagedFileSystemReference>("UnmanagedFileSystemReference", {
  mountCommand: required("mountCommand", string),
  relativeMountPath: required("relativeMountPath", string),
});

/** Table of `MountVolumes`. */
export const mountVolumes = model<MountVolumes>("MountVolumes", {
  azureFileShares: optional("azureFileShares", arrayOf(object(azureFileShareReference))),
  azureBlobFileSystems: optional("azureBlobFileSystems", arrayOf(object(azureBlobFileSystemReference))),
  fileServers: optional("fileServers", arrayOf(object(fileServerReference))),
  unmanagedFileSystems: optional("unmanagedFileSystems", arrayOf(object(unmanagedFileSystemReference))),
});
