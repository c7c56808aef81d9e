import type { DataFolders } from "../dataFolders.ts";
import type { NodePlace } from "../launch/node.ts";
import type { Node } from "../state/nodes.ts";

/** Returns a node as launch plans need it. */
export function placeOf({ id, machine }: Node, folders: DataFolders): NodePlace {
  return { nodeId: id, address: machine.address, gpus: machine.gpus, tempRoot: folders.node(id) };
}
