import type { LaunchText } from "../engines/engine.ts";
import type { ToolkitNode } from "../toolkits/toolkit.ts";

/**
 * Returns the MPI host file of a job: an address and its slots on each line. Open MPI rejects a file in which an address
 * stands twice, so nodes with one address share a line.
 * @param slotsPerNode - The slots that the toolkit needs on each node.
 */
export function hostFileOf(nodes: readonly ToolkitNode[], slotsPerNode: number): LaunchText {
  const slotsOf = (node: ToolkitNode): number => Math.max(node.slots, slotsPerNode);
  const slots = new Map<string, number>();
  for (const node of nodes) {
    if (node.address !== undefined) slots.set(node.address, (slots.get(node.address) ?? 0) + slotsOf(node));
  }
  const known = [...slots].map(([address, count]) => `${address} slots=${count}\n`).join("");
  const later = nodes.filter(({ address }) => address === undefined);
  if (later.length === 0) return known;
  return [known, ...later.flatMap((node) => [{ hostName: node.position }, ` slots=${slotsOf(node)}\n`])];
}
