import { existsSync } from "node:fs";
import { join } from "node:path";
import { reasonOf } from "../../../ground/systemErrors.ts";
import type { Logger } from "../../logger.ts";
import { listContainers, removeContainer, runLabel } from "./containers.ts";
import type { Daemon } from "./daemon.ts";

/** Age below which a container is left alone: its run may be starting. */
const youngInSeconds = 300;

/** The service whose leftovers are removed. */
export interface LeftoverOwner {
  readonly serviceId: string;
  /** Folder of the folders of runs. A run without a folder has ended. */
  readonly runsFolder: string;
  readonly closing: AbortSignal;
  readonly logger: Logger;
}

/** Removes the containers of a service that belong to no run: a container engine was silent when their runs ended. */
export async function removeLeftovers(daemon: Daemon, owner: LeftoverOwner): Promise<void> {
  const { serviceId, runsFolder, closing, logger } = owner;
  const containers = await listContainers(daemon, serviceId, closing);
  const oldest = Date.now() / 1000 - youngInSeconds;
  for (const { Id, Created, Labels } of containers) {
    const runId = Labels[runLabel];
    if (runId === undefined || Created > oldest || existsSync(join(runsFolder, runId))) continue;
    try {
      await removeContainer(daemon, Id, closing);
      logger.info({ run: runId }, "removed a container that belonged to no run");
    } catch (error) {
      closing.throwIfAborted();
      logger.warn({ run: runId, reason: reasonOf(error) }, "failed to remove a container that belongs to no run");
    }
  }
}
