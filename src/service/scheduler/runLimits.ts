import type { LaunchLimits } from "../engines/engine.ts";
import type { NodeType } from "../nodes/nodeTypes.ts";
import type { Node } from "../state/nodes.ts";

/** Returns what a run may use of the machine: what its nodes have together by their type, unless the machine has no more. */
export function limitsOf(type: NodeType, nodes: readonly Pick<Node, "machine">[]): LaunchLimits | undefined {
  const machine = nodes[0]?.machine;
  const cores = limitOf(type.cores, nodes.length, machine?.cores);
  const memoryInBytes = limitOf(type.memoryInBytes, nodes.length, machine?.memoryInBytes);
  if (cores === undefined && memoryInBytes === undefined) return undefined;
  return { ...(cores !== undefined && { cores }), ...(memoryInBytes !== undefined && { memoryInBytes }) };
}

function limitOf(perNode: number | undefined, nodeCount: number, ofMachine = 0): number | undefined {
  const sum = perNode === undefined ? Infinity : perNode * nodeCount;
  return sum < ofMachine ? sum : undefined;
}
