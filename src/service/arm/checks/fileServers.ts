import type { MountVolumes } from "../../../models/mountVolumes.ts";
import type { StoredResource } from "../../state/resources.ts";
import type { Store } from "../../state/store.ts";
import { refuseWhileDeleting } from "../answers.ts";
import { existing } from "../resourcesInPath.ts";

/** The file servers that volumes name. @throws ArmError when one does not exist or is being deleted. */
export function fileServersIn(
  store: Store,
  volumes: MountVolumes | undefined,
  path: string,
): StoredResource<"fileServers">[] {
  return (volumes?.fileServers ?? []).map(({ fileServer }, index) => {
    const target = `${path}.fileServers[${String(index)}].fileServer.id`;
    const found = existing(store, "fileServers", fileServer.id, target);
    refuseWhileDeleting(found);
    return found;
  });
}
