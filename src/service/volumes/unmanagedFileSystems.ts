import type { UnsupportedVolumeKind } from "./volume.ts";

/** File systems that the owner of a cluster or job mounts with a command. */
export const unmanagedFileSystems: UnsupportedVolumeKind<"unmanagedFileSystems"> = {
  property: "unmanagedFileSystems",
  unsupported: "unmanaged file systems cannot be mounted yet. Use azureFileShares or fileServers",
};
