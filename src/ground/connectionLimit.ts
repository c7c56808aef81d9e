import { readFileSync } from "node:fs";
import type { Server } from "node:http";

/** Descriptors that the process needs for itself: databases, the launcher, standard streams. */
const ownDescriptors = 64;
const fewestConnections = 8;

/**
 * Keeps the connections of a server from using up the descriptors of the process: further connections get `refusal`, a
 * whole HTTP response, and are closed. The limit is half of the descriptors that the process does not need for itself.
 */
export function limitConnections(server: Server, refusal: () => string): void {
  const most = Math.max(fewestConnections, Math.floor((mostDescriptors() - ownDescriptors) / 2));
  let open = 0;
  server.prependListener("connection", (socket) => {
    open++;
    socket.once("close", () => open--);
    if (open <= most) return;
    socket.end(refusal(), () => socket.destroySoon());
  });
}

/** Returns how many descriptors the process may have; without a limit where the system does not say. */
function mostDescriptors(): number {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1"))?.[1];
    return limit === undefined ? Infinity : Number(limit);
  } catch {
    return Infinity;
  }
}
