import { setTimeout as delay } from "node:timers/promises";
import type { LaunchPlan, LaunchSecrets, RunExit } from "../engines/engine.ts";
import type { Run } from "../state/runs.ts";
import type { SchedulerContext } from "./context.ts";
import { wipeNodeDirectories } from "../dataFolders.ts";

const lookAgainInMs = 1000;

/**
 * Keeps an eye on the runs that are alive: starts them, finds them again after a restart, stops them, and reports the
 * end of each exactly once.
 */
export class RunWatch {
  readonly #context: SchedulerContext;
  readonly #onEnded: (run: Run, exit: RunExit | "notStarted") => void;
  readonly #closing = new AbortController();
  readonly #watched = new Map<string, Promise<void>>();
  readonly #stopping = new Set<string>();

  constructor(context: SchedulerContext, onEnded: (run: Run, exit: RunExit | "notStarted") => void) {
    this.#context = context;
    this.#onEnded = onEnded;
  }

  /** Starts a run that has been stored, and watches it. */
  start(run: Run, plan: LaunchPlan, secrets: LaunchSecrets): void {
    this.#watch(run, async () => {
      await wipeNodeDirectories(this.#context, run.nodes);
      await this.#context.engine.start(plan, secrets, run.handle);
      return await this.#context.engine.wait(run.handle, this.#closing.signal);
    });
  }

  /** Looks after the runs that an earlier life of the service left. */
  recover(): void {
    for (const run of this.#context.store.runs.allAlive()) this.#watch(run, () => this.#recovered(run));
  }

  /** Ends the runs whose end has been requested. */
  stopRequested(): void {
    for (const run of this.#context.store.runs.allAlive()) {
      if (run.stopReason === undefined || this.#stopping.has(run.id)) continue;
      this.#stopping.add(run.id);
      this.#context.engine.stop(run.handle).catch((error: unknown) => {
        this.#stopping.delete(run.id);
        this.#context.logger.error({ run: run.id, error: String(error) }, "a run could not be stopped");
      });
    }
  }

  /** Stops watching. The runs go on. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#watched.values());
  }

  async #recovered(run: Run): Promise<RunExit | "notStarted"> {
    const { engine, logger } = this.#context;
    const state = await engine.recover(run.handle);
    logger.info({ run: run.id, owner: run.owner, state: state.kind }, "run found again");
    if (state.kind === "notStarted") return "notStarted";
    return state.kind === "ended" ? state.exit : await engine.wait(run.handle, this.#closing.signal);
  }

  #watch(run: Run, untilEnd: () => Promise<RunExit | "notStarted">): void {
    const watching = this.#follow(run, untilEnd).finally(() => {
      this.#watched.delete(run.id);
      this.#stopping.delete(run.id);
    });
    this.#watched.set(run.id, watching);
  }

  /**
   * Waits for the end of a run and reports it. An engine that fails says nothing about the run, and an end that cannot be
   * stored (a full disk) must not get lost: then the run is looked for again, until both work or the service closes.
   */
  async #follow(run: Run, untilEnd: () => Promise<RunExit | "notStarted">): Promise<void> {
    for (let look = untilEnd; !this.#isClosing(); look = () => this.#recovered(run)) {
      try {
        this.#onEnded(run, await look());
        return;
      } catch (error) {
        if (this.#isClosing()) return;
        this.#context.logger.error(
          { run: run.id, error: String(error) },
          "a run cannot be followed; it is tried again",
        );
      }
      await delay(lookAgainInMs, undefined, { signal: this.#closing.signal }).catch(() => undefined);
    }
  }

  #isClosing(): boolean {
    return this.#closing.signal.aborted;
  }
}
