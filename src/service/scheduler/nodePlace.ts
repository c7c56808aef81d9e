import type { DataFolders } from "../dataFolders.ts";
import type { LaunchGpu } from "../engines/engine.ts";
import type { NodePlace } from "../launch/node.ts";
import type { NodeType } from "../nodes/nodeTypes.ts";
import type { Node } from "../state/nodes.ts";

/**
 * Returns a node as launch plans need it.
 * @param gpus - GPUs of the run on this node. Default: none.
 */
export function placeOf(
  { id, machine }: Node,
  folders: DataFolders,
  { slurm }: NodeType,
  gpus: readonly LaunchGpu[] = [],
): NodePlace {
  const tempRoot = folders.node(id, slurm?.scratchDirectory);
  // Slurm chooses hosts and GPUs when it starts the run.
  return slurm ? { nodeId: id, gpus: [], tempRoot } : { nodeId: id, address: machine.address, gpus, tempRoot };
}
