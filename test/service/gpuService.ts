import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { JobGpu, JobNode, WaitingReason } from "../../src/models/job.ts";
import { runsFolderOf } from "../../src/service/dataFolders.ts";
import { ProcessEngine } from "../../src/service/engines/local/processEngine.ts";
import { until } from "../until.ts";
import { clusterBody } from "./arm.ts";
import { FakeGpus, gpuTypes } from "./fakeGpus.ts";
import { withFolder } from "./serviceProcess.ts";
import { ServiceWithEngines } from "./serviceWithEngines.ts";

/** Properties of a job, as far as tests of GPUs read them. */
interface Details {
  readonly nodes?: readonly JobNode[];
  readonly waitingFor?: WaitingReason;
}

/** A service on a machine with GPUs, whose jobs are processes that write down their variables and wait for a file. */
export class GpuService {
  readonly service: ServiceWithEngines;
  readonly gpus: FakeGpus;
  readonly folder: string;

  private constructor(service: ServiceWithEngines, gpus: FakeGpus, folder: string) {
    this.service = service;
    this.gpus = gpus;
    this.folder = folder;
  }

  static async start(folder: string, gpus: FakeGpus): Promise<GpuService> {
    const dataDir = join(folder, "data");
    const engine = new ProcessEngine({ runsFolder: runsFolderOf(dataDir), gracePeriodInMs: 200 });
    const service = await ServiceWithEngines.start(dataDir, [engine], { gpus, nodeTypes: gpuTypes });
    return new GpuService(service, gpus, folder);
  }

  /** Creates a cluster, and waits until it is steady with so many nodes. */
  async cluster(name: string, vmSize: string, targetNodeCount: number, nodeCount = targetNodeCount): Promise<void> {
    const { arm } = this.service;
    if ((await arm.send("GET", arm.inWorkspace())).status !== 200) await arm.prepare(0);
    await arm.expect("PUT", this.pathOf(name), clusterBody(targetNodeCount, { vmSize }));
    await this.steady(name, nodeCount);
  }

  pathOf(cluster: string): string {
    return this.service.arm.inWorkspace(`/clusters/${cluster}`);
  }

  async clusterProperties(name: string): Promise<Record<string, unknown>> {
    return (await this.service.arm.expect("GET", this.pathOf(name))).body.properties ?? {};
  }

  /** Waits until a cluster is steady with so many nodes. */
  async steady(name: string, nodeCount: number): Promise<void> {
    await until(`cluster ${name} is steady with ${String(nodeCount)} nodes`, async () => {
      const { allocationState, currentNodeCount } = await this.clusterProperties(name);
      return allocationState === "steady" && currentNodeCount === nodeCount;
    });
  }

  /** Creates a job that runs until its gate opens. */
  async submit(name: string, cluster: string, properties: Record<string, unknown> = {}): Promise<void> {
    const file = join(this.folder, name);
    const command = `env > '${file}.new'; mv '${file}.new' '${file}.env'; until [ -e '${file}.open' ]; do sleep 0.05; done`;
    await this.service.create(name, command, { cluster: { id: this.pathOf(cluster) }, ...properties });
  }

  /** Lets a job end. */
  async open(name: string): Promise<void> {
    await writeFile(join(this.folder, `${name}.open`), "");
  }

  async finish(name: string): Promise<void> {
    await this.open(name);
    await this.service.ended(name);
  }

  /** Waits until a job runs. Returns its variables. */
  async running(name: string): Promise<Record<string, string>> {
    const file = join(this.folder, `${name}.env`);
    await until(`job ${name} runs`, () => existsSync(file));
    const lines = readFileSync(file, "utf8").split("\n");
    return Object.fromEntries(lines.map((line) => [line.split("=", 1)[0] ?? "", line.replace(/^[^=]*=/, "")]));
  }

  async details(name: string): Promise<Details> {
    return (await this.service.arm.job(name)).batchai ?? {};
  }

  /** Returns the GPUs of a job that runs. */
  async gpusOf(name: string): Promise<JobGpu[]> {
    return ((await this.details(name)).nodes ?? []).flatMap(({ gpus }) => gpus);
  }

  async indexesOf(name: string): Promise<number[]> {
    return (await this.gpusOf(name)).map(({ index }) => index);
  }

  /** Waits until a job gives this reason for its wait. Returns the message. */
  async reason(name: string, message: RegExp): Promise<WaitingReason> {
    let seen: WaitingReason | undefined;
    await until(`job ${name} says ${String(message)}`, async () => {
      seen = (await this.details(name)).waitingFor;
      return seen !== undefined && message.test(seen.message);
    }).catch((error: unknown) => {
      throw new Error(`the job waits for ${JSON.stringify(seen)}`, { cause: error });
    });
    if (seen === undefined) throw new Error("the job gives no reason");
    return seen;
  }

  /** Returns how many GPUs are in use, and how many there are. */
  async usage(): Promise<{ currentValue: unknown; limit: unknown }> {
    const path = this.service.arm.inSubscription("/providers/Microsoft.BatchAI/locations/eastus/usages");
    const { value = [] } = (await this.service.arm.expect("GET", path)).body;
    const usage = value.find(({ name }) => (name as { value: string }).value === "GPUs");
    return { currentValue: usage?.currentValue, limit: usage?.limit };
  }

  async terminate(name: string): Promise<void> {
    await this.service.arm.expect("POST", `${this.service.arm.jobPath(name)}/terminate`);
  }

  /** Ends all jobs by deleting everything, and closes the service. */
  async close(): Promise<void> {
    const group = this.service.arm.inSubscription("/resourceGroups/group");
    await this.service.arm.send("DELETE", group);
    await until("all is gone", async () => (await this.service.arm.send("GET", group)).status === 404);
    await this.service.close();
  }
}

/** Works with a service on a machine with so many GPUs. */
export async function withGpus(
  count: number,
  work: (service: GpuService, gpus: FakeGpus) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const gpus = new FakeGpus(count);
    const service = await GpuService.start(folder, gpus);
    try {
      await work(service, gpus);
    } finally {
      await service.close();
    }
  });
}
