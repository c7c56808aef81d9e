import type { Server } from "node:http";

const sweepIntervalInMs = 20;

/**
 * Closes an HTTP server: idle connections at once, active ones after their response. When the time is up, calls `giveUp`
 * and closes the remaining connections.
 * @param close - Stops listening. Resolves when all connections are closed.
 */
export async function closeServer(
  server: Server,
  graceInMs: number,
  close: () => Promise<void>,
  giveUp: () => void = () => undefined,
): Promise<void> {
  // A connection that is kept alive would keep the server open after its last response.
  server.prependListener("request", (_, response) => response.setHeader("connection", "close"));
  const sweep = setInterval(() => {
    server.closeIdleConnections();
  }, sweepIntervalInMs);
  const limit = setTimeout(() => {
    giveUp();
    server.closeAllConnections();
  }, graceInMs);
  try {
    await close();
  } finally {
    clearInterval(sweep);
    clearTimeout(limit);
  }
}
