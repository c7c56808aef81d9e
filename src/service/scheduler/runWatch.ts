import type { LaunchPlan, LaunchSecrets, RunExit } from "../engines/engine.ts";
import type { Run } from "../state/runs.ts";
import type { SchedulerContext } from "./context.ts";
import { wipeNodeDirectories } from "./folders.ts";

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
    for (const run of this.#context.store.runs.allAlive()) {
      this.#watch(run, async () => {
        const state = await this.#context.engine.recover(run.handle);
        this.#context.logger.info(
          { run: run.id, owner: run.owner, state: state.kind },
          "found a run of an earlier start",
        );
        if (state.kind === "notStarted") return "notStarted";
        return state.kind === "ended" ? state.exit : await this.#context.engine.wait(run.handle, this.#closing.signal);
      });
    }
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

  #watch(run: Run, untilEnd: () => Promise<RunExit | "notStarted">): void {
    const watching = untilEnd()
      .catch((error: unknown): RunExit | undefined => this.#failureOf(run, error))
      .then((exit) => {
        if (exit !== undefined && !this.#closing.signal.aborted) this.#onEnded(run, exit);
      })
      .catch((error: unknown) => {
        this.#context.logger.error({ run: run.id, error: String(error) }, "the end of a run could not be stored");
      })
      .finally(() => {
        this.#watched.delete(run.id);
        this.#stopping.delete(run.id);
      });
    this.#watched.set(run.id, watching);
  }

  #failureOf(run: Run, error: unknown): RunExit | undefined {
    if (this.#closing.signal.aborted) return undefined;
    this.#context.logger.error({ run: run.id, error: String(error) }, "the engine failed");
    return {
      kind: "failed",
      code: "EngineFailed",
      message: "The engine could not run the job. The service's log says why.",
    };
  }
}
