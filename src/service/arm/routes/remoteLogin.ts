import { remoteLoginInformation } from "../../../wire/tables/remoteLoginInformation.ts";
import { serialize } from "../../../wire/serialize.ts";
import type { Node } from "../../state/nodes.ts";

const sshPort = 22;

/**
 * Returns the addresses at which people log in to nodes. A node whose address is not known yet is left out.
 * @param addresses - Addresses that the engine of a run gave to the nodes, in the same order. Default: none.
 */
export function remoteLoginOf(
  nodes: readonly Node[],
  addresses: readonly string[] = [],
): { value: Record<string, unknown>[] } {
  const value = nodes.flatMap(({ id: nodeId, machine }, index) => {
    const ipAddress = addresses[index] ?? machine.address;
    return ipAddress === undefined ? [] : [serialize(remoteLoginInformation, { nodeId, ipAddress, port: sshPort })];
  });
  return { value };
}
