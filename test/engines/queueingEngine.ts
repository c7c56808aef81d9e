import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type {
  Engine,
  EngineProbe,
  LaunchPlan,
  LaunchProcess,
  LaunchSecrets,
  RunEnd,
  RunHandle,
  RunState,
  Surroundings,
  WaitOptions,
} from "../../src/service/engines/engine.ts";

/** A run of a {@link QueueingEngine}, as its queue sees it. */
type QueueHandle = RunHandle & {
  readonly turn: string;
  readonly inner: RunHandle;
  readonly addresses: readonly string[];
};

const lookIntervalInMs = 10;

/**
 * An engine with a queue of its own, as Slurm has: it accepts runs and starts them later. Another engine carries the runs
 * out; every process of them waits for a file that says that it is its turn, so the queue outlives a crash.
 */
export class QueueingEngine implements Engine {
  readonly name = "queueing";
  readonly queues = true;
  readonly #inner: Engine;
  readonly #opensAtOnce: boolean;

  /** @param opensAtOnce - Whether each run has its turn soon after its start. Else a test calls {@link QueueingEngine.open}. */
  constructor(inner: Engine, opensAtOnce: boolean) {
    this.#inner = inner;
    this.#opensAtOnce = opensAtOnce;
  }

  probe(): Promise<EngineProbe> {
    return this.#inner.probe();
  }

  objection(): undefined {
    return undefined;
  }

  surroundings(): Promise<Surroundings> {
    return this.#inner.surroundings({});
  }

  reserve(plan: LaunchPlan): Promise<void> {
    const { turn } = this.handleFor(plan);
    const waiting = (process: LaunchProcess): LaunchProcess => ({
      ...process,
      commandLine: `until [[ -e '${turn.replaceAll("'", "'\\''")}' ]]; do sleep 0.01; done 2>/dev/null\n${process.commandLine}`,
    });
    const { container: _, ...withoutContainer } = plan;
    const [preparation, processes] = [plan.preparation.map(waiting), plan.processes.map(waiting)];
    return this.#inner.reserve({ ...withoutContainer, preparation, processes });
  }

  handleFor(plan: LaunchPlan): QueueHandle {
    return {
      engine: this.name,
      version: 1,
      turn: join(plan.runDirectory, "turn"),
      addresses: plan.nodes.map((_, index) => `10.0.0.${index + 1}`),
      inner: this.#inner.handleFor(plan),
    };
  }

  reads(version: number): boolean {
    return version === 1;
  }

  async start(plan: LaunchPlan, secrets: LaunchSecrets, handle: RunHandle): Promise<void> {
    await this.#inner.start(plan, secrets, (handle as QueueHandle).inner);
    if (this.#opensAtOnce) await QueueingEngine.open(plan.runDirectory);
  }

  /** Lets a run start. */
  static async open(runDirectory: string): Promise<void> {
    await mkdir(runDirectory, { recursive: true });
    await writeFile(join(runDirectory, "turn"), "");
  }

  async recover(handle: RunHandle): Promise<RunState> {
    const state = await this.#inner.recover((handle as QueueHandle).inner);
    return state.kind === "running" ? stateOfQueue(handle as QueueHandle) : state;
  }

  async wait(handle: RunHandle, { onState, abortSignal }: WaitOptions = {}): Promise<RunEnd> {
    const ended = new AbortController();
    const watching = watchQueue(handle as QueueHandle, ended.signal, onState);
    try {
      return await this.#inner.wait((handle as QueueHandle).inner, abortSignal ? { abortSignal } : {});
    } finally {
      ended.abort();
      await watching;
    }
  }

  stop(handle: RunHandle): Promise<void> {
    return this.#inner.stop((handle as QueueHandle).inner);
  }

  cleanUp(handle: RunHandle): Promise<void> {
    return this.#inner.cleanUp((handle as QueueHandle).inner);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

function stateOfQueue({ turn, addresses }: QueueHandle): RunState {
  if (!existsSync(turn)) return { kind: "waiting", reason: "All machines are busy." };
  return { kind: "running", startedOn: new Date(), addresses };
}

async function watchQueue(handle: QueueHandle, ended: AbortSignal, onState?: (state: RunState) => void): Promise<void> {
  let state = stateOfQueue(handle);
  onState?.(state);
  while (state.kind === "waiting" && !ended.aborted) {
    await delay(lookIntervalInMs);
    state = stateOfQueue(handle);
    if (state.kind !== "waiting") onState?.(state);
  }
}
