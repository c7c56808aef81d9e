import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { setImmediate } from "node:timers/promises";
import { StartError } from "../../startError.ts";

/** Below the ports that Linux gives to outgoing connections (32768 and up), which a server could otherwise meet. */
const lowest = 20_000;
const highest = 32_767;
const portCount = highest - lowest + 1;
/** Number of ports after which other work of the process gets its turn. */
const batchSize = 50;

/** The run that has a port, by the port. A run binds its ports at any time until its end, so no other run gets them. */
const owners = new Map<number, string>();
/** The port that is tried next. Each port is tried once in a round, so one that was released is not soon given again. */
let next = randomInt(lowest, highest + 1);

/** Settles when the last search ends: searches that run out of ports together would all fail. */
let lastSearch: Promise<unknown> = Promise.resolve();

/**
 * Finds free TCP ports of this machine, all of them different. No other run gets them before {@link releasePorts}.
 * Another program can still take a port before the run binds it. Rejects with a `StartError` if too few ports are free.
 */
export async function freePorts(runId: string, count: number): Promise<number[]> {
  if (count === 0) return [];
  const ports = lastSearch.then(() => search(runId, count));
  lastSearch = ports.catch(() => undefined);
  return ports;
}

async function search(runId: string, count: number): Promise<number[]> {
  const ports: number[] = [];
  try {
    for (let tried = 0; ports.length < count; tried++) {
      if (tried === portCount) throw tooFewPorts(count);
      if (tried % batchSize === batchSize - 1) await setImmediate();
      const port = next;
      next = port === highest ? lowest : port + 1;
      if (!owners.has(port) && (await isFree(port))) {
        owners.set(port, runId);
        ports.push(port);
      }
    }
  } catch (error) {
    releasePorts(runId);
    throw error;
  }
  return ports;
}

/** Lets other runs have the ports of a run that has ended, or that this process no longer follows. */
export function releasePorts(runId: string): void {
  for (const [port, owner] of owners) if (owner === runId) owners.delete(port);
}

function tooFewPorts(count: number): StartError {
  const range = `${String(lowest)} to ${String(highest)}`;
  return new StartError("Shortage", `The run needs ${String(count)} TCP ports, and too few of ${range} are free.`);
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
