import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Engine } from "../../src/service/engines/engine.ts";
import type { MachineGpus } from "../../src/service/nodes/gpus.ts";
import type { NodeTypes } from "../../src/service/nodes/nodeTypes.ts";
import { OpenParts } from "../../src/service/openParts.ts";
import { startParts } from "../../src/service/parts.ts";
import { ArmCaller } from "./arm.ts";
import { until } from "../until.ts";

/** A service in this process with engines that a test chooses. */
export class ServiceWithEngines {
  readonly arm: ArmCaller;
  readonly #opened: OpenParts;

  private constructor(arm: ArmCaller, opened: OpenParts) {
    this.arm = arm;
    this.#opened = opened;
  }

  /** @param machine - GPUs and node types. Default: those of this machine, and the sizes of Azure. */
  static async start(
    dataDir: string,
    engines: readonly Engine[],
    machine: { readonly gpus?: MachineGpus; readonly nodeTypes?: NodeTypes } = {},
  ): Promise<ServiceWithEngines> {
    mkdirSync(dataDir, { recursive: true });
    const opened = new OpenParts();
    try {
      const connection = await startParts({ dataDir, host: "127.0.0.1", mountRoot: join(dataDir, "roots") }, opened, {
        engines,
        ...machine,
      });
      return new ServiceWithEngines(new ArmCaller(connection), opened);
    } catch (error) {
      await opened.closeAll();
      throw error;
    }
  }

  /** Creates a cluster of idle nodes for jobs. */
  async prepare(nodeCount = 1, properties: Record<string, unknown> = {}): Promise<void> {
    await this.arm.prepare(nodeCount, properties);
    await this.counts({ idleNodeCount: nodeCount });
  }

  async create(name: string, commandLine: string, properties: Record<string, unknown> = {}): Promise<void> {
    await this.arm.expect("PUT", this.arm.jobPath(name), this.arm.jobBody(commandLine, properties));
  }

  async state(name: string): Promise<string> {
    return String((await this.arm.job(name)).executionState);
  }

  async untilState(name: string, state: RegExp): Promise<void> {
    await until(`job ${name} is ${String(state)}`, async () => state.test(await this.state(name)));
  }

  /** Waits for the end of a job. Returns its properties. */
  async ended(name: string): Promise<Record<string, unknown>> {
    await this.untilState(name, /succeeded|failed/);
    return await this.arm.job(name);
  }

  /** Waits until the cluster has these node counts. */
  async counts(wanted: Record<string, number>): Promise<void> {
    await until(`the cluster has ${JSON.stringify(wanted)}`, async () => {
      const { body } = await this.arm.expect("GET", this.arm.inWorkspace("/clusters/nodes"));
      const counts = body.properties?.nodeStateCounts as Record<string, number>;
      return Object.entries(wanted).every(([state, count]) => counts[state] === count);
    });
  }

  /** Closes the service; jobs continue. */
  close(): Promise<void> {
    return this.#opened.closeAll();
  }
}
