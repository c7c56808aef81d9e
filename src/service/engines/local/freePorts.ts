import { once } from "node:events";
import { createServer } from "node:net";

/** Finds free TCP ports of this machine, all of them different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0));
  try {
    await Promise.all(servers.map((server) => once(server, "listening")));
    return servers.map((server) => {
      const address = server.address();
      if (address === null || typeof address === "string") throw new TypeError("The server has no TCP address.");
      return address.port;
    });
  } finally {
    for (const server of servers) server.close();
  }
}
