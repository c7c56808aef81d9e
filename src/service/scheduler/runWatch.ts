import { setTimeout as delay } from "node:timers/promises";
import { reasonOf } from "../../ground/systemErrors.ts";
import type { Engine, RunEnd, RunHandle, RunState } from "../engines/engine.ts";
import { isShortage, StartError } from "../startError.ts";
import type { Run } from "../state/runs.ts";
import { Turns } from "../turns.ts";
import type { SchedulerContext } from "./context.ts";
import { detachVolumes } from "./unmountVolumes.ts";
import type { Launch, Prepare, StartingRun } from "./startingRun.ts";

const retryIntervalInMs = 1000;
const closeTimeoutInMs = 5000;

const engineGone: RunEnd = {
  kind: "failed",
  code: "RunLost",
  message: "The engine of the run is no longer part of this service, or cannot read what an earlier version stored.",
};
const notStarted: RunEnd = { kind: "notStarted" };
/** End of a run that had nothing to run: its volumes are in place. */
const nothingToRun: RunEnd = { kind: "exited", phase: "processes", exitCode: 0 };

/** Callbacks of a {@link RunWatch}. A promise resolves once everything is stored, and rejects if nothing of it is. */
export interface RunEvents {
  /** Called before the start. Resolves with false if the run must no longer be started. */
  onPrepared(run: Run, handle: RunHandle, launch: Launch): Promise<boolean>;
  /**
   * Called when the container of a run has started, and when a run is found again.
   * @param startedOn - Absent: now, or unknown.
   */
  onStarted(run: Run, startedOn?: Date): Promise<void>;
  /** Called when the engine lets the run wait, or starts it. */
  onState(run: Run, state: RunState): Promise<void>;
  /** Called if a start failed for want of something. The run then ends as not started. */
  onShortage(run: Run, reason: string): void;
  /** Called until it resolves once for each run. */
  onEnded(run: Run, end: RunEnd): Promise<void>;
}

/**
 * Follows the runs that have not ended: prepares and starts them, finds them after a restart, stops them, and reports
 * the end of each exactly once.
 */
export class RunWatch {
  readonly #context: SchedulerContext;
  readonly #events: RunEvents;
  readonly #closing = new AbortController();
  readonly #watched = new Map<string, Promise<void>>();
  readonly #preparing = new Map<string, AbortController>();
  readonly #stopping = new Set<string>();
  /** A step can start many runs at once. */
  readonly #turns = new Turns();

  constructor(context: SchedulerContext, events: RunEvents) {
    this.#context = context;
    this.#events = events;
  }

  /** Prepares and starts a run that has been stored, and follows it. */
  start({ run, prepare }: StartingRun): void {
    const preparation = new AbortController();
    this.#preparing.set(run.id, preparation);
    this.#watch(run, () => this.#launched(run, prepare, preparation.signal));
  }

  /** Follows the active runs that nothing follows: those of an earlier process of the service, or of a failed step. */
  recover(): void {
    for (const run of this.#context.store.runs.allAlive()) {
      if (!this.#watched.has(run.id)) this.#watch(run, () => this.#recovered(run.id));
    }
  }

  /** Stops the runs whose stop has been requested. */
  stopRequested(): void {
    const { runs } = this.#context.store;
    for (const id of runs.idsToStop()) {
      if (this.#stopping.has(id)) continue;
      const handle = runs.find(id)?.handle;
      if (handle === undefined) this.#preparing.get(id)?.abort();
      else void this.#stop(id, handle);
    }
  }

  /** Stops following. The runs continue. */
  async close(): Promise<void> {
    this.#closing.abort();
    for (const preparation of this.#preparing.values()) preparation.abort();
    const timeout = new AbortController();
    await Promise.race([
      Promise.all(this.#watched.values()),
      // A volume that hangs must not keep the service from closing. It checks the signal before it does anything else.
      delay(closeTimeoutInMs, undefined, { signal: timeout.signal }).catch(() => undefined),
    ]);
    timeout.abort();
  }

  /** Stops a run. Retries if the engine fails to, until the run has ended or the service closes. */
  async #stop(runId: string, handle: RunHandle): Promise<void> {
    this.#stopping.add(runId);
    const stopped = new AbortController();
    void this.#detachVolumes(runId, AbortSignal.any([stopped.signal, this.#closing.signal]));
    while (this.#stopping.has(runId) && !this.#isClosing()) {
      try {
        await this.#context.engines.forHandle(handle)?.stop(handle);
        break;
      } catch (error) {
        if (this.#isClosing()) break;
        this.#context.logger.error({ run: runId, error: String(error) }, "failed to stop a run; it is tried again");
      }
      await this.#pause();
    }
    stopped.abort();
  }

  /** No signal ends a process that waits for a volume which does not respond. */
  async #detachVolumes(runId: string, stopped: AbortSignal): Promise<void> {
    for (;;) {
      await delay(this.#context.stopLimitInMs, undefined, { signal: stopped }).catch(() => undefined);
      if (stopped.aborted) return;
      await detachVolumes(this.#context, runId);
    }
  }

  async #launched(run: Run, prepare: Prepare, stopSignal: AbortSignal): Promise<RunEnd> {
    const launch = await this.#prepared(run, prepare, stopSignal);
    if ("kind" in launch) return launch;
    const { engine, plan, secrets } = launch;
    const handle = engine.handleFor(plan);
    if (!(await this.#events.onPrepared(run, handle, launch))) {
      await engine.cleanUp(handle);
      return notStarted;
    }
    await this.#turns.next();
    await engine.start(plan, secrets, handle);
    if (plan.container && !engine.queues) await this.#events.onStarted(run);
    const end = await this.#waited(run, engine, handle);
    if (end.kind === "notStarted") this.#events.onShortage(run, end.reason ?? "The engine did not start it.");
    return end;
  }

  /** Carries out the part of a start that may wait. Returns the end of the run if there is nothing to start. */
  async #prepared(run: Run, prepare: Prepare, stopSignal: AbortSignal): Promise<Launch | RunEnd> {
    try {
      await this.#turns.next();
      // Not left before it has settled: what it does late would disturb the next run with the same mount roots.
      const launch = await prepare(stopSignal);
      await launch?.engine.reserve(launch.plan);
      return launch ?? nothingToRun;
    } catch (error) {
      if (this.#isClosing()) throw error;
      return this.#endOfPreparation(run, stopSignal.aborted, error);
    } finally {
      this.#preparing.delete(run.id);
    }
  }

  #endOfPreparation(run: Run, wasAborted: boolean, error: unknown): RunEnd {
    if (wasAborted) return notStarted;
    if (isShortage(error)) {
      this.#events.onShortage(run, reasonOf(error));
      return notStarted;
    }
    if (error instanceof StartError) return { kind: "failed", ...error.error };
    this.#context.logger.error({ run: run.id, error: String(error) }, "failed to prepare a run");
    return {
      kind: "failed",
      code: "FailedStartingProcess",
      message: `The run cannot be prepared: ${reasonOf(error)}.`,
    };
  }

  /** Reads the run again, because it may have received its handle since it was read. */
  async #recovered(runId: string): Promise<RunEnd> {
    const { engines, logger, store } = this.#context;
    const run = store.runs.find(runId);
    if (run?.handle === undefined) return notStarted;
    const engine = engines.forHandle(run.handle);
    if (engine === undefined) return engineGone;
    const state = await engine.recover(run.handle);
    logger.info({ run: run.id, owner: run.owner, state: state.kind }, "run recovered");
    if (state.kind === "ended") return state.end;
    if (state.kind === "running" && !engine.queues) await this.#events.onStarted(run, state.startedOn);
    return await this.#waited(run, engine, run.handle);
  }

  #waited(run: Run, engine: Engine, handle: RunHandle): Promise<RunEnd> {
    if (!engine.queues) return engine.wait(handle, { abortSignal: this.#closing.signal });
    // A state that cannot be stored ends the wait: the next one begins with the state.
    const failure = new AbortController();
    const onState = (state: RunState): void => {
      this.#events.onState(run, state).catch((error: unknown) => {
        failure.abort(error);
      });
    };
    return engine.wait(handle, { onState, abortSignal: AbortSignal.any([this.#closing.signal, failure.signal]) });
  }

  #watch(run: Run, untilEnd: () => Promise<RunEnd>): void {
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
  async #follow(run: Run, untilEnd: () => Promise<RunEnd>): Promise<void> {
    for (let look = untilEnd; !this.#isClosing(); look = () => this.#recovered(run.id)) {
      try {
        await this.#events.onEnded(run, await look());
        return;
      } catch (error) {
        if (this.#isClosing()) return;
        this.#context.logger.error({ run: run.id, error: String(error) }, "failed to follow a run; it is tried again");
      }
      await this.#pause();
    }
  }

  async #pause(): Promise<void> {
    await delay(retryIntervalInMs, undefined, { signal: this.#closing.signal }).catch(() => undefined);
  }

  #isClosing(): boolean {
    return this.#closing.signal.aborted;
  }
}
