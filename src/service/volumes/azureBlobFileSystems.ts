import type { UnsupportedVolumeKind } from "./volume.ts";

/** Azure blob containers. */
export const azureBlobFileSystems: UnsupportedVolumeKind<"azureBlobFileSystems"> = {
  property: "azureBlobFileSystems",
  unsupported: "blob containers cannot be mounted: this service has no blob storage. Use azureFileShares",
};
