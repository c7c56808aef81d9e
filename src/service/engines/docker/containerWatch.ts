import { reasonOf } from "../../../ground/systemErrors.ts";
import type { Logger } from "../../logger.ts";
import { listContainers, runLabel, serviceLabel } from "./containers.ts";
import type { Daemon } from "./daemon.ts";
import { DaemonRefusal } from "./daemonErrors.ts";

/** The containers of the service at one moment. */
export interface Snapshot {
  /** Time at which the engine was asked for it, as of `performance.now()`. */
  readonly askedAt: number;
  /** States by run ID. */
  readonly states: ReadonlyMap<string, string>;
  /** Whether the engine has refused to list them. It may show each of them all the same. */
  readonly isRefused: boolean;
}

/** Age at which a snapshot is renewed, in milliseconds. */
const renewAfterInMs = 2000;

/**
 * Watches the containers of the service with one list for all of them, and only while somebody asks. Nobody waits for the
 * list: an engine that does not respond says nothing about its containers.
 */
export class ContainerWatch {
  readonly #daemon: Daemon;
  readonly #serviceId: string;
  readonly #closing: AbortSignal;
  readonly #logger: Logger;
  #latest: Snapshot | undefined;
  #askedAt = -Infinity;
  #asking: Promise<void> | undefined;
  #isSilent = false;

  constructor(daemon: Daemon, serviceId: string, closing: AbortSignal, logger: Logger) {
    this.#daemon = daemon;
    this.#serviceId = serviceId;
    this.#closing = closing;
    this.#logger = logger;
  }

  /** Returns the newest snapshot; undefined if the engine did not respond last time. Renews an old one afterwards. */
  latest(): Snapshot | undefined {
    if (performance.now() - this.#askedAt >= renewAfterInMs) this.#asking ??= this.#ask();
    return this.#latest;
  }

  async #ask(): Promise<void> {
    const askedAt = performance.now();
    this.#askedAt = askedAt;
    try {
      const containers = await listContainers(this.#daemon, [serviceLabel, this.#serviceId], this.#closing);
      this.#latest = {
        askedAt,
        states: new Map(containers.map(({ Labels, State }) => [Labels[runLabel] ?? "", State])),
        isRefused: false,
      };
      if (this.#isSilent) this.#logger.info({ engine: this.#daemon.address }, "the container engine responds again");
      this.#isSilent = false;
    } catch (error) {
      const isRefused = error instanceof DaemonRefusal;
      this.#latest = isRefused ? { askedAt, states: new Map(), isRefused } : undefined;
      if (this.#closing.aborted) return;
      if (!this.#isSilent) {
        this.#logger.warn(
          { engine: this.#daemon.address, reason: reasonOf(error) },
          isRefused
            ? "failed to list containers; each is looked at by itself"
            : "failed to list containers; their runs count as running",
        );
      }
      this.#isSilent = true;
    } finally {
      this.#asking = undefined;
    }
  }
}
