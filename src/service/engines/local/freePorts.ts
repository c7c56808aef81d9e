import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/** Below the ports that Linux gives to outgoing connections (32768 and up), which a server could otherwise meet. */
const lowest = 20_000;
const highest = 32_767;

/** Ports that runs have got from this process. A run binds them only later, so another one must not get them. */
const given = new Set<number>();
/** The oldest ports are given again, because their runs have bound or left them long ago. */
const mostGiven = 4_000;

/**
 * Finds free TCP ports of this machine, all of them different and none of those that it returned shortly before. Another
 * program can still take a port before the run binds it.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = randomInt(lowest, highest + 1);
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) ports.push(port);
  }
  for (const port of given) {
    if (given.size <= mostGiven) break;
    given.delete(port);
  }
  return ports;
}

/** Whether a server of this machine could listen on a port. Rejects if the machine lacks what a server needs. */
async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen({ port, exclusive: true });
  try {
    await once(server, "listening");
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") return false;
    throw error;
  } finally {
    server.close();
  }
}
