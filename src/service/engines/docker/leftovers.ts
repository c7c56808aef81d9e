import { existsSync } from "node:fs";
import { join } from "node:path";
import { reasonOf } from "../../../ground/systemErrors.ts";
import type { Logger } from "../../logger.ts";
import {
  type ListedContainer,
  listContainers,
  removeContainer,
  runIdIn,
  runLabel,
  serviceLabel,
} from "./containers.ts";
import type { Daemon } from "./daemon.ts";

/** Age below which a container is left alone of which this service knows nothing. */
const youngInSeconds = 300;
const sweepIntervalInMs = 300_000;
/** The same while a container may be left: its engine was silent, or the service has just started. */
const hastyIntervalInMs = 1000;
/** Time in which a container may still come into being by a request that got no response, in milliseconds. */
const lateInMs = 120_000;

/** The service whose leftovers are removed. */
export interface LeftoverOwner {
  readonly serviceId: string;
  /** Folder of the folders of runs. A run without a folder has ended. */
  readonly runsFolder: string;
  readonly closing: AbortSignal;
  readonly background: Set<Promise<void>>;
  readonly logger: Logger;
}

/**
 * Removes the containers of a service that belong to no run: a container engine was silent when their runs ended. It looks
 * for them from the start of the service until the first list of containers arrives, and after each run whose container
 * may be left; otherwise once in five minutes.
 */
export class Leftovers {
  readonly #daemon: Daemon;
  readonly #owner: LeftoverOwner;
  /** Runs that have ended and whose container may be left, and until when that is so. */
  readonly #doubtful = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #isFirst = true;
  #isSweeping = false;

  constructor(daemon: Daemon, owner: LeftoverOwner) {
    this.#daemon = daemon;
    this.#owner = owner;
    owner.closing.addEventListener("abort", () => {
      clearTimeout(this.#timer);
    });
  }

  /** Starts to look; does nothing if it has started. */
  watch(): void {
    if (this.#timer === undefined && !this.#isSweeping) this.#sweep();
  }

  /** The container of a run that has ended may be left. It is removed as soon as the engine shows it. */
  expect(runId: string): void {
    this.#doubtful.set(runId, performance.now() + lateInMs);
    if (this.#isSweeping || this.#owner.closing.aborted) return;
    this.#sweepIn(hastyIntervalInMs);
  }

  #sweep(): void {
    const { background, closing, logger } = this.#owner;
    if (closing.aborted) return;
    this.#isSweeping = true;
    const work = this.#removeAll()
      .catch((error: unknown) => {
        logger.debug({ reason: reasonOf(error) }, "failed to look for containers that belong to no run");
      })
      .finally(() => {
        background.delete(work);
        this.#isSweeping = false;
        this.#sweepIn(this.#isFirst || this.#doubtful.size > 0 ? hastyIntervalInMs : sweepIntervalInMs);
      });
    background.add(work);
  }

  #sweepIn(delayInMs: number): void {
    clearTimeout(this.#timer);
    if (this.#owner.closing.aborted) return;
    this.#timer = setTimeout(() => {
      this.#sweep();
    }, delayInMs).unref();
  }

  async #removeAll(): Promise<void> {
    const { serviceId, closing, logger } = this.#owner;
    const containers = await listContainers(this.#daemon, [serviceLabel, serviceId], closing);
    const listedAt = performance.now();
    for (const container of containers) {
      if (!this.#isLeft(container)) continue;
      const run = runIdIn(container.Labels[runLabel] ?? "");
      try {
        await removeContainer(this.#daemon, container.Id, closing);
        this.#doubtful.delete(run);
        logger.info({ run }, "removed a container that belonged to no run");
      } catch (error) {
        closing.throwIfAborted();
        this.#doubtful.set(run, performance.now() + lateInMs);
        logger.warn({ run, reason: reasonOf(error) }, "failed to remove a container that belongs to no run");
      }
    }
    this.#isFirst = false;
    for (const [runId, until] of this.#doubtful) if (until <= listedAt) this.#doubtful.delete(runId);
  }

  #isLeft({ Created, Labels }: ListedContainer): boolean {
    const label = Labels[runLabel];
    if (label === undefined) return false;
    const runId = runIdIn(label);
    if (this.#doubtful.has(runId)) return true;
    if (existsSync(join(this.#owner.runsFolder, runId))) return false;
    // At the first look, it was an earlier process of the service that has left it.
    return this.#isFirst || Created <= Date.now() / 1000 - youngInSeconds;
  }
}
