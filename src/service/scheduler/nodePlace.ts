import type { DataFolders } from "../dataFolders.ts";
import type { LaunchGpu } from "../engines/engine.ts";
import type { NodePlace } from "../launch/node.ts";
import type { Node } from "../state/nodes.ts";

/**
 * Returns a node as launch plans need it.
 * @param gpus - GPUs of the run on this node. Default: none.
 */
export function placeOf({ id, machine }: Node, folders: DataFolders, gpus: readonly LaunchGpu[] = []): NodePlace {
  return { nodeId: id, address: machine.address, gpus, tempRoot: folders.node(id) };
}
