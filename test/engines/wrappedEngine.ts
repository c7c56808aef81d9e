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
} from "../../src/service/engines/engine.ts";
import type { StartError } from "../../src/service/startError.ts";

/** Passes everything on to another engine. A test overrides the step at which something is to happen. */
export class WrappedEngine implements Engine {
  readonly name: string;
  readonly queues: boolean;
  protected readonly inner: Engine;

  constructor(inner: Engine) {
    this.inner = inner;
    this.name = inner.name;
    this.queues = inner.queues;
  }

  probe(): Promise<EngineProbe> {
    return this.inner.probe();
  }

  objection(needs: RunNeeds): StartError | undefined {
    return this.inner.objection(needs);
  }

  surroundings(needs: RunNeeds, options?: SurroundingsOptions): Promise<Surroundings> {
    return this.inner.surroundings(needs, options);
  }

  reserve(plan: LaunchPlan): Promise<void> {
    return this.inner.reserve(plan);
  }

  handleFor(plan: LaunchPlan): RunHandle {
    return this.inner.handleFor(plan);
  }

  reads(version: number): boolean {
    return this.inner.reads(version);
  }

  start(plan: LaunchPlan, secrets: LaunchSecrets, handle: RunHandle): Promise<void> {
    return this.inner.start(plan, secrets, handle);
  }

  recover(handle: RunHandle): Promise<RunState> {
    return this.inner.recover(handle);
  }

  wait(handle: RunHandle, options?: WaitOptions): Promise<RunEnd> {
    return this.inner.wait(handle, options);
  }

  stop(handle: RunHandle): Promise<void> {
    return this.inner.stop(handle);
  }

  cleanUp(handle: RunHandle): Promise<void> {
    return this.inner.cleanUp(handle);
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}
