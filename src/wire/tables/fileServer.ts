import type {
  DataDisks,
  FileServer,
  FileServerCreateParameters,
  MountSettings,
  SshConfiguration,
} from "../../models/fileServer.ts";
import { proxyResourceRows, resourceId } from "./resource.ts";
import {
  arrayOf,
  dateTime,
  int32,
  model,
  object,
  oneOf,
  onlyOneOf,
  optional,
  readOnly,
  required,
  string,
  withRows,
} from "../schema.ts";
import { userAccountSettings } from "./userAccountSettings.ts";

/** Table of `DataDisks`. */
export const dataDisks = model<DataDisks>("DataDisks", {
  diskSizeInGB: required("diskSizeInGB", int32({ minimum: 1 })),
  cachingType: optional("cachingType", onlyOneOf("none", "readonly", "readwrite"), "none"),
  diskCount: required("diskCount", int32({ minimum: 1 })),
  storageAccountType: required("storageAccountType", oneOf("Standard_LRS", "Premium_LRS")),
});

/** Table of `SshConfiguration`. */
export const sshConfiguration = model<SshConfiguration>("SshConfiguration", {
  publicIPsToAllow: optional("publicIPsToAllow", arrayOf(string, { maxItems: 400 })),
  userAccountSettings: required("userAccountSettings", object(userAccountSettings)),
});

/** Table of `MountSettings`. */
export const mountSettings = model<MountSettings>("MountSettings", {
  mountPoint: optional("mountPoint", string),
  fileServerPublicIP: optional("fileServerPublicIP", string),
  fileServerInternalIP: optional("fileServerInternalIP", string),
});

/** Table of `FileServerCreateParameters`. */
export const fileServerCreateParameters = model<FileServerCreateParameters>("FileServerCreateParameters", {
  vmSize: required("properties.vmSize", string),
  sshConfiguration: required("properties.sshConfiguration", object(sshConfiguration)),
  dataDisks: required("properties.dataDisks", object(dataDisks)),
  subnet: optional("properties.subnet", object(resourceId)),
});

/** Table of `FileServer`. */
export const fileServer = model<FileServer>(
  "FileServer",
  withRows([proxyResourceRows], {
    vmSize: optional("properties.vmSize", string),
    sshConfiguration: optional("properties.sshConfiguration", object(sshConfiguration)),
    dataDisks: optional("properties.dataDisks", object(dataDisks)),
    subnet: optional("properties.subnet", object(resourceId)),
    mountSettings: readOnly("properties.mountSettings", object(mountSettings)),
    provisioningStateTransitionTime: readOnly("properties.provisioningStateTransitionTime", dateTime),
    creationTime: readOnly("properties.creationTime", dateTime),
    provisioningState: readOnly(
      "properties.provisioningState",
      oneOf("creating", "updating", "deleting", "succeeded", "failed"),
    ),
  }),
);
