import { type Logger, silentLogger } from "../../logger.ts";
import type { StartError } from "../../startError.ts";
import type {
  Engine,
  EngineProbe,
  LaunchPlan,
  LaunchSecrets,
  RunEnd,
  RunHandle,
  RunNeeds,
  RunState,
  Surroundings,
  SurroundingsOptions,
  WaitOptions,
} from "../engine.ts";
import { releasePorts } from "./freePorts.ts";
import type { RunBody } from "./runBody.ts";
import type { RunContext } from "./runContext.ts";
import type { SupervisedRun } from "./supervisedRun.ts";

/** Options of every engine whose runs have a supervisor. */
export interface SupervisedEngineOptions {
  /** Folder that contains the folder of each run, by the ID of the run. It may be another one after a restart. */
  readonly runsFolder: string;
  /** Time between the polite request to end and the end by force, in milliseconds. Default: 5000. */
  readonly gracePeriodInMs?: number | undefined;
  /**
   * Time in which the other processes of a run may end by themselves after the first one has succeeded, in milliseconds.
   * Default: 60000.
   */
  readonly finishPeriodInMs?: number | undefined;
  /** Called with what the engine does. Default: nothing is logged. */
  readonly logger?: Logger | undefined;
}

/** An engine whose runs have a supervisor: it keeps the runs that it knows, and what is left to do when it closes. */
export abstract class SupervisedEngine<B extends RunBody, D extends { readonly runId: string }> implements Engine {
  abstract readonly name: string;
  readonly queues: boolean = false;
  protected readonly runs = new Map<string, SupervisedRun<B>>();
  protected readonly context: RunContext;
  readonly #closing = new AbortController();

  protected constructor(
    { gracePeriodInMs = 5000, finishPeriodInMs = 60_000, logger = silentLogger }: SupervisedEngineOptions,
    intervals: Pick<RunContext, "lookIntervalInMs" | "exitIntervalInMs">,
  ) {
    const background = new Set<Promise<void>>();
    this.context = {
      ...intervals,
      closing: this.#closing.signal,
      background,
      gracePeriodInMs,
      finishPeriodInMs,
      logger,
    };
  }

  abstract probe(): Promise<EngineProbe>;
  abstract objection(needs: RunNeeds): StartError | undefined;
  abstract surroundings(needs: RunNeeds, options?: SurroundingsOptions): Promise<Surroundings>;
  abstract handleFor(plan: LaunchPlan): RunHandle;
  abstract reads(version: number): boolean;
  /** Makes the run of a handle that this engine reads. */
  protected abstract makeRun(details: D, version: number): SupervisedRun<B>;

  async reserve(plan: LaunchPlan): Promise<void> {
    const objection = this.objection(plan);
    if (objection) throw objection;
    const run = this.run(this.handleFor(plan));
    try {
      await run.reserve(plan);
    } catch (error) {
      releasePorts(run.runId);
      this.runs.delete(run.runId); // It has no handle, so nobody will clean it up.
      throw error;
    }
  }

  start(_plan: LaunchPlan, secrets: LaunchSecrets, handle: RunHandle): Promise<void> {
    return this.run(handle).start(secrets);
  }

  recover(handle: RunHandle): Promise<RunState> {
    return this.run(handle).recover();
  }

  wait(handle: RunHandle, options: WaitOptions = {}): Promise<RunEnd> {
    return this.run(handle).wait(options);
  }

  stop(handle: RunHandle): Promise<void> {
    return this.run(handle).stop();
  }

  async cleanUp(handle: RunHandle): Promise<void> {
    const run = this.run(handle);
    await run.cleanUp();
    this.runs.delete(run.runId);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.closeConnections();
    await Promise.all(this.context.background);
    for (const runId of this.runs.keys()) releasePorts(runId);
  }

  /** Closes what the engine itself holds open. Default: nothing. */
  protected async closeConnections(): Promise<void> {}

  protected run(handle: RunHandle): SupervisedRun<B> {
    const details = this.detailsIn(handle);
    const known = this.runs.get(details.runId);
    if (known) return known;
    const run = this.makeRun(details, handle.version);
    this.runs.set(run.runId, run);
    return run;
  }

  protected detailsIn(handle: RunHandle): D {
    // A handle has the details of the engine that made it, in the version that it names.
    if (handle.engine === this.name && this.reads(handle.version)) return handle as unknown as D;
    throw new TypeError(
      `The ${this.name} engine cannot read a handle of ${handle.engine}, version ${String(handle.version)}.`,
    );
  }
}
