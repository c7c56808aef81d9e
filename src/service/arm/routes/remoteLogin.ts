import { remoteLoginInformation } from "../../../wire/remoteLoginInformation.ts";
import { serialize } from "../../../wire/serialize.ts";

const sshPort = 22;

/**
 * Returns where to log in to nodes. The nodes of this service are slots on its own machine, so all of them have its
 * loopback address and SSH port.
 */
export function remoteLoginOf(nodeIds: readonly string[]): { value: Record<string, unknown>[] } {
  const value = nodeIds.map((nodeId) =>
    serialize(remoteLoginInformation, { nodeId, ipAddress: "127.0.0.1", port: sshPort }),
  );
  return { value };
}
