import { remoteLoginInformation } from "../../../wire/remoteLoginInformation.ts";
import { serialize } from "../../../wire/serialize.ts";

const sshPort = 22;

/**
 * How to log in to nodes. The nodes of this service are slots of its own machine, so all of them are reached at its
 * loopback address and SSH port.
 */
export function remoteLoginOf(nodeIds: readonly string[]): { value: Record<string, unknown>[] } {
  const value = nodeIds.map((nodeId) =>
    serialize(remoteLoginInformation, { nodeId, ipAddress: "127.0.0.1", port: sshPort }),
  );
  return { value };
}
