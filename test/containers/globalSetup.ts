import { once } from "node:events";
import { createServer } from "node:http";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ContainerBed } from "./containerBed.ts";
import { daemonNames } from "./daemons.ts";
import { SlurmBed } from "../slurm/slurmBed.ts";

/**
 * Lets all test files of a run share container engines, a registry and a Slurm: `sharedBed.ts` and `sharedSlurm.ts` ask
 * this server for them.
 */
export async function setup(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "batchai-bed-"));
  const bed = new ContainerBed();
  let slurm: Promise<SlurmBed> | undefined;
  const find = async (path: string): Promise<object | undefined> => {
    const name = daemonNames.find((each) => path === `/${each}`);
    if (name !== undefined) {
      const { socket, address, folder: data } = await bed.daemon(name);
      return { name, socket, address, folder: data };
    }
    if (path === "/slurm") {
      slurm ??= SlurmBed.open();
      return { folder: (await slurm).folder };
    }
    if (path !== "/registry") return undefined;
    const { host, log } = await bed.registry();
    return { host, log };
  };
  const server = createServer((request, response) => {
    find(request.url ?? "").then(
      (found) => response.writeHead(found ? 200 : 404).end(JSON.stringify(found)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  const socket = join(folder, "bed.sock");
  server.listen(socket);
  await once(server, "listening");
  process.env.BATCHAI_TEST_BED = socket;
  return async () => {
    server.close();
    server.closeAllConnections();
    await Promise.all([bed.close(), slurm?.then((opened) => opened.close())]);
    await rm(folder, { recursive: true, force: true });
  };
}
