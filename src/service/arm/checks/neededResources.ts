import type { MountVolumes } from "../../../models/mountVolumes.ts";
import type { StoredResource } from "../../state/resources.ts";
import type { Store } from "../../state/store.ts";
import { resourcesNeededBy } from "../../volumes/volumes.ts";
import { existing, refuseWhileDeleting } from "../resourcesInPath.ts";

/**
 * Returns the resources that volumes need.
 * @param path - `mountVolumes` by its path in the request body.
 * @throws ArmError if one of them does not exist or is being deleted.
 */
export function neededResources(store: Store, volumes: MountVolumes | undefined, path: string): StoredResource[] {
  return resourcesNeededBy(volumes, path).map(({ kind, id, property }) => {
    const found = existing(store, kind, id, property);
    refuseWhileDeleting(found);
    return found;
  });
}
