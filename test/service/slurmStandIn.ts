import { EventEmitter, once } from "node:events";
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
  WaitOptions,
} from "../../src/service/engines/engine.ts";
import { createLogFolders } from "../../src/service/engines/supervisor/runFolders.ts";
import { StartError } from "../../src/service/startError.ts";

/** A run as Slurm has it. */
interface StandInRun {
  readonly plan: LaunchPlan;
  readonly secrets: LaunchSecrets;
  readonly changes: EventEmitter;
  state: RunState;
}

const inner = (handle: RunHandle): RunHandle => handle.inner as RunHandle;

/** Takes plans with an allocation, as the engine of Slurm does. A test says what becomes of each run. */
export class SlurmStandIn implements Engine {
  readonly name = "slurm";
  readonly queues = true;
  /** Why it cannot be used; undefined if it can. */
  lack: string | undefined;
  /** The runs that have been started, in their order. */
  readonly runs: StandInRun[] = [];
  readonly #processes: Engine;

  /** @param processes - Carries the processes of a run out when a test opens it. */
  constructor(processes: Engine) {
    this.#processes = processes;
  }

  probe(): Promise<EngineProbe> {
    return Promise.resolve({ usable: this.lack === undefined, description: this.lack ?? "Slurm." });
  }

  objection({ allocation }: RunNeeds): StartError | undefined {
    return allocation ? undefined : new StartError("FailedStartingProcess", "The job is not for Slurm.");
  }

  surroundings(): Promise<Surroundings> {
    return this.#processes.surroundings({});
  }

  reserve({ allocation: _, ...plan }: LaunchPlan): Promise<void> {
    return this.#processes.reserve(plan);
  }

  handleFor(plan: LaunchPlan): RunHandle {
    return { engine: "slurm", version: 1, runId: plan.runId, inner: this.#processes.handleFor(plan) };
  }

  reads(version: number): boolean {
    return version === 1;
  }

  start(plan: LaunchPlan, secrets: LaunchSecrets): Promise<void> {
    createLogFolders(plan);
    this.runs.push({ plan, secrets, changes: new EventEmitter(), state: { kind: "waiting" } });
    return Promise.resolve();
  }

  /** Changes what Slurm says about the latest run. */
  say(state: RunState): void {
    const run = this.#latest();
    run.state = state;
    run.changes.emit("change");
  }

  /** Lets the latest run begin on hosts `n1`, `n2` and so on. */
  async open(): Promise<void> {
    const { plan, secrets } = this.#latest();
    const { allocation: _, ...local } = plan;
    const handle = this.#processes.handleFor(plan);
    const environment = { ...secrets.environment, ...secrets.oncePerHost };
    await this.#processes.start(local, { environment }, handle);
    this.say({ kind: "running", startedOn: new Date(), addresses: plan.nodes.map((_node, i) => `n${String(i + 1)}`) });
    void this.#processes.wait(handle).then((end) => {
      this.say({ kind: "ended", end });
    });
  }

  recover(handle: RunHandle): Promise<RunState> {
    return Promise.resolve(this.#find(handle)?.state ?? { kind: "ended", end: { kind: "notStarted" } });
  }

  async wait(handle: RunHandle, { onState, abortSignal }: WaitOptions = {}): Promise<RunEnd> {
    const run = this.#find(handle);
    if (run === undefined) throw new RangeError("The run has not been started.");
    for (;;) {
      if (run.state.kind === "ended") return run.state.end;
      onState?.(run.state);
      await once(run.changes, "change", abortSignal ? { signal: abortSignal } : {});
    }
  }

  async stop(handle: RunHandle): Promise<void> {
    const run = this.#find(handle);
    if (run?.state.kind === "running") await this.#processes.stop(inner(handle));
    if (run?.state.kind !== "waiting") return;
    run.state = { kind: "ended", end: { kind: "stopped" } };
    run.changes.emit("change");
  }

  cleanUp(handle: RunHandle): Promise<void> {
    return this.#processes.cleanUp(inner(handle));
  }

  close(): Promise<void> {
    return this.#processes.close();
  }

  #latest(): StandInRun {
    const run = this.runs.at(-1);
    if (run === undefined) throw new RangeError("Nothing has been started.");
    return run;
  }

  #find({ runId }: RunHandle): StandInRun | undefined {
    return this.runs.find(({ plan }) => plan.runId === runId);
  }
}
