import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { BatchAIError } from "../../src/models/error.ts";
import { runsFolderOf } from "../../src/service/dataFolders.ts";
import { ProcessEngine } from "../../src/service/engines/local/processEngine.ts";
import { type NodeTypesOption, openNodeTypes } from "../../src/service/nodes/ownNodeTypes.ts";
import { until } from "../until.ts";
import { clusterBody } from "./arm.ts";
import { FakeGpus } from "./fakeGpus.ts";
import { withFolder } from "./serviceProcess.ts";
import { ServiceWithEngines } from "./serviceWithEngines.ts";
import { SlurmStandIn } from "./slurmStandIn.ts";

const defaultTypes: NodeTypesOption = {
  STANDARD_NC6: {
    ...{ engine: "slurm", partition: "gpu", gpus: 2, cores: 8, memoryInGB: 4, constraint: "v100", gpuType: "tesla" },
    extraOptions: ["--exclusive"],
  },
};

/** A service on a machine with GPUs, whose nodes of the size STANDARD_NC6 are in Slurm. */
class SlurmService {
  readonly service: ServiceWithEngines;
  readonly slurm: SlurmStandIn;
  readonly dataDir: string;

  private constructor(service: ServiceWithEngines, slurm: SlurmStandIn, dataDir: string) {
    this.service = service;
    this.slurm = slurm;
    this.dataDir = dataDir;
  }

  static async with(
    work: (slurm: SlurmService) => Promise<void>,
    { nodeTypes = defaultTypes, lack }: { readonly nodeTypes?: NodeTypesOption; readonly lack?: string } = {},
  ): Promise<void> {
    await withFolder(async (dataDir) => {
      const processes = new ProcessEngine({ runsFolder: runsFolderOf(dataDir), gracePeriodInMs: 200 });
      const slurm = new SlurmStandIn(processes);
      slurm.lack = lack;
      const gpus = new FakeGpus(1);
      const machine = { gpus, nodeTypes: openNodeTypes(nodeTypes) };
      const service = await ServiceWithEngines.start(dataDir, [slurm, processes], machine);
      try {
        await work(new SlurmService(service, slurm, dataDir));
      } finally {
        await service.close();
      }
    });
  }

  /** A share of the service, as `azureFileShares` lists it. */
  share(name: string): Record<string, unknown> {
    const { accountName, accountKey, fileEndpoint } = this.service.arm.connection.storage;
    mkdirSync(join(this.dataDir, "files", accountName, name), { recursive: true });
    const azureFileUrl = `${fileEndpoint}/${name}`;
    return { accountName, azureFileUrl, relativeMountPath: name, credentials: { accountKey } };
  }

  /** Creates a job with its output in the share `logs`, and waits until Slurm has it. */
  async submit(name: string, commandLine: string, properties: Record<string, unknown> = {}): Promise<void> {
    const { length } = this.slurm.runs;
    const stdOutErrPathPrefix = "$AZ_BATCHAI_JOB_MOUNT_ROOT/logs";
    const mountVolumes = { azureFileShares: [this.share("logs")] };
    await this.service.create(name, commandLine, { stdOutErrPathPrefix, mountVolumes, ...properties });
    await this.started(length + 1);
  }

  /** Waits until Slurm has got so many runs. */
  async started(count: number): Promise<void> {
    await until(`Slurm has ${String(count)} runs`, () => this.slurm.runs.length === count);
  }

  waitingFor = async (name: string): Promise<unknown> => {
    return ((await this.service.arm.job(name)).batchai as { waitingFor?: unknown } | undefined)?.waitingFor;
  };

  async errorsOfCluster(): Promise<BatchAIError[] | undefined> {
    const { body } = await this.service.arm.expect("GET", this.service.arm.inWorkspace("/clusters/nodes"));
    return body.properties?.errors as BatchAIError[] | undefined;
  }

  /** Returns the text of a file in the share `logs`, wherever it is. */
  output(name: string): string {
    const root = join(this.dataDir, "files", this.service.arm.connection.storage.accountName, "logs");
    const found = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(name));
    return found.map((path) => readFileSync(join(root, path), "utf8")).join("");
  }
}

const errorOf = (job: Record<string, unknown>): BatchAIError | undefined =>
  (job.executionInfo as { errors?: BatchAIError[] } | undefined)?.errors?.[0];

describe("a cluster in Slurm", () => {
  it("has idle nodes at once, more than this machine has GPUs for, without a setup", async () => {
    await SlurmService.with(async ({ service }) => {
      const setupTask = { commandLine: "exit 1", stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT" };
      await service.prepare(40, { nodeSetup: { setupTask } });
      const { body } = await service.arm.expect("GET", service.arm.inWorkspace("/clusters/nodes"));
      expect(body.properties).toMatchObject({ allocationState: "steady", currentNodeCount: 40 });
      expect(body.properties).not.toHaveProperty("batchai");
    });
  });

  it("is refused while Slurm is missing, and accepted as soon as it is there", async () => {
    await SlurmService.with(
      async ({ service, slurm }) => {
        const { arm } = service;
        await arm.prepare(0, { vmSize: "STANDARD_D1" });
        const path = arm.inWorkspace("/clusters/other");
        const refused = await arm.send("PUT", path, clusterBody(1));
        expect(refused.status).toBe(400);
        expect(refused.body.error?.message).toContain(
          "nodes of this size are in Slurm, which this service cannot use.",
        );
        expect(refused.body.error?.message).toContain("sbatch was not found.");
        slurm.lack = undefined;
        await arm.expect("PUT", path, clusterBody(1));
        expect((await arm.send("PUT", path, clusterBody(1))).status).toBe(200);
      },
      { lack: "sbatch was not found." },
    );
  });
});

describe("a job in Slurm", () => {
  it("is queued until Slurm starts it, and says why it waits", async () => {
    await SlurmService.with(async (slurm) => {
      const { service } = slurm;
      await service.prepare(3);
      await slurm.submit("job", "true", { nodeCount: 2 });
      slurm.slurm.say({ kind: "waiting", reason: "Jobs with a higher priority come first (Priority)." });
      await until("the job says why it waits", async () => (await slurm.waitingFor("job")) !== undefined);
      const job = await service.arm.job("job");
      expect(job).toMatchObject({ executionState: "queued" });
      await service.counts({ idleNodeCount: 3, runningNodeCount: 0 });
      expect(await slurm.waitingFor("job")).toEqual({
        code: "SlurmPending",
        message: "Jobs with a higher priority come first (Priority).",
        since: job.executionStateTransitionTime,
      });
      slurm.slurm.say({ kind: "waiting", reason: "Jobs with a higher priority come first (Priority)." });
      slurm.slurm.say({ kind: "waiting", reason: "All nodes are in use (Resources)." });
      await until("the log has both reasons", () => slurm.output(".log").includes("(Resources)"));
      expect(slurm.output(".log").match(/The job waits: .*/g)).toEqual([
        "The job waits: Jobs with a higher priority come first (Priority).",
        "The job waits: All nodes are in use (Resources).",
      ]);
      const addresses = ["n1", "n2"];
      slurm.slurm.say({ kind: "running", startedOn: new Date(), addresses });
      await service.counts({ idleNodeCount: 1, runningNodeCount: 2 });
      await slurm.slurm.open();
      expect(await service.ended("job")).toMatchObject({ executionState: "succeeded" });
    });
  });

  it("asks for what its node type says, and gets no address and no GPU of this machine", async () => {
    await SlurmService.with(async (slurm) => {
      await slurm.service.prepare(2);
      const environmentVariables = [{ name: "CUDA_VISIBLE_DEVICES", value: "any text" }];
      const constraints = { maxWallClockTime: "PT1H" };
      const command = 'echo "$AZ_BATCHAI_NUM_GPUS ${CUDA_DEVICE_ORDER-none} $CUDA_VISIBLE_DEVICES"';
      const properties = { nodeCount: 2, schedulingPriority: "high", environmentVariables, constraints };
      await slurm.submit("job", command, properties);
      const plan = slurm.slurm.runs[0]?.plan;
      expect(plan?.allocation).toEqual({
        ...{ partition: "gpu", constraint: "v100", gpuType: "tesla", extraOptions: ["--exclusive"], gpusPerNode: 2 },
        ...{
          coresPerNode: 8,
          memoryPerNodeInBytes: 4 * 1024 ** 3,
          priority: 1000,
          timeLimitInSeconds: 3720,
          slotsPerNode: 2,
        },
      });
      expect(plan?.limits).toBeUndefined();
      for (const node of plan?.nodes ?? []) {
        expect(node).not.toHaveProperty("address");
        expect(node.gpus).toEqual([]);
      }
      await slurm.slurm.open();
      await slurm.service.ended("job");
      expect(slurm.output("stdout.txt")).toBe("2 none any text\n");
    });
  });

  it("asks for no time if neither the client nor the node type has a limit", async () => {
    const types: NodeTypesOption = {
      STANDARD_NC6: { engine: "slurm", gpus: 0, maxWallClockTime: "PT2H", scratchDir: "/scratch/" },
      STANDARD_NC12: { engine: "slurm" },
    };
    await SlurmService.with(
      async (slurm) => {
        const { arm } = slurm.service;
        await slurm.service.prepare(1);
        await arm.expect("PUT", arm.inWorkspace("/clusters/other"), clusterBody(1, { vmSize: "standard_nc12" }));
        await slurm.submit("limited", "true");
        await slurm.submit("free", "true", { cluster: { id: arm.inWorkspace("/clusters/other") } });
        const [limited, free] = slurm.slurm.runs.map(({ plan }) => plan);
        expect(limited?.allocation).toMatchObject({ timeLimitInSeconds: 7200, scratchDirectory: "/scratch" });
        expect(limited?.nodes[0]?.tempDirectory).toMatch(/^\/scratch\/batchai-\w+\/\w+\/\w+$/);
        expect(free?.allocation).not.toHaveProperty("timeLimitInSeconds");
      },
      { nodeTypes: types },
    );
  });

  it("ends at once if it is terminated or its cluster is deleted while it waits", async () => {
    await SlurmService.with(async (slurm) => {
      const { arm } = slurm.service;
      await slurm.service.prepare(1);
      await slurm.submit("job", "true");
      await arm.expect("POST", `${arm.jobPath("job")}/terminate`);
      expect(errorOf(await slurm.service.ended("job"))).toMatchObject({ code: "JobTerminated" });
      await slurm.submit("second", "true");
      await arm.expect("DELETE", arm.inWorkspace("/clusters/nodes"));
      expect(errorOf(await slurm.service.ended("second"))).toMatchObject({ code: "ClusterDeleted" });
    });
  });

  it("fails if Slurm is not there, and was never running", async () => {
    await SlurmService.with(async ({ service, dataDir, slurm }) => {
      await service.prepare(1);
      await service.close();
      slurm.lack = "sbatch was not found.";
      const processes = new ProcessEngine({ runsFolder: runsFolderOf(dataDir), gracePeriodInMs: 200 });
      const machine = { nodeTypes: openNodeTypes(defaultTypes) };
      const restarted = await ServiceWithEngines.start(dataDir, [slurm, processes], machine);
      try {
        await restarted.create("job", "true");
        expect(errorOf(await restarted.ended("job"))).toMatchObject({
          code: "FailedStartingProcess",
          message: expect.stringContaining("sbatch was not found.") as string,
        });
      } finally {
        await restarted.close();
      }
    });
  });

  it("cannot use a volume that the service would have to mount", async () => {
    await SlurmService.with(async (slurm) => {
      await slurm.service.prepare(1);
      const trace = join(slurm.dataDir, "trace");
      const unmanagedFileSystems = [{ mountCommand: `touch ${trace}; true`, relativeMountPath: "data" }];
      await slurm.service.create("job", "true", { mountVolumes: { unmanagedFileSystems } });
      const error = errorOf(await slurm.service.ended("job"));
      expect(error).toMatchObject({ code: "MountFailed" });
      expect(error?.message).toContain("the nodes in Slurm do not see what the service mounts");
      expect(existsSync(trace)).toBe(false);
    });
  });
});

describe("an interrupted job", () => {
  it("is queued again under a new run, as often as it is preempted", async () => {
    await SlurmService.with(async (slurm) => {
      await slurm.service.prepare(1);
      await slurm.submit("job", "true");
      for (const count of [2, 3, 4]) {
        slurm.slurm.say({ kind: "running", startedOn: new Date(), addresses: ["n1"] });
        await slurm.service.untilState("job", /running/);
        const end = { kind: "interrupted", reason: "Slurm preempted the job.", isFault: false } as const;
        slurm.slurm.say({ kind: "ended", end });
        await slurm.started(count);
        expect(await slurm.service.state("job")).toBe("queued");
      }
      expect(new Set(slurm.slurm.runs.map(({ plan }) => plan.runId)).size).toBe(4);
      expect(slurm.output(".log").match(/interrupted: Slurm preempted the job\./g)).toHaveLength(3);
      await slurm.slurm.open();
      expect(await slurm.service.ended("job")).toMatchObject({ executionState: "succeeded" });
    });
  });

  it("is queued again once after a fault of a node", async () => {
    await SlurmService.with(async (slurm) => {
      const fail = (): void => {
        const end = { kind: "interrupted", reason: "The node n1 failed.", isFault: true } as const;
        slurm.slurm.say({ kind: "ended", end });
      };
      await slurm.service.prepare(1);
      await slurm.submit("job", "true");
      fail();
      await slurm.started(2);
      slurm.slurm.say({ kind: "ended", end: { kind: "interrupted", reason: "Preempted.", isFault: false } });
      await slurm.started(3);
      fail();
      expect(errorOf(await slurm.service.ended("job"))).toEqual({
        code: "RunLost",
        message: "A fault of a node ended the job for the second time: The node n1 failed.",
      });
    });
  });
});

describe("the setup task of a cluster in Slurm", () => {
  const nodeSetup = (commandLine: string): Record<string, unknown> => ({
    nodeSetup: {
      setupTask: {
        commandLine,
        stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT",
        environmentVariables: [{ name: "KIND", value: "of the cluster" }],
        secrets: [{ name: "PASSWORD", value: "hidden-one" }],
      },
    },
  });

  it("is the first step of each job on each node, with its own variables and one key for the cluster", async () => {
    await SlurmService.with(async (slurm) => {
      const { service } = slurm;
      await service.prepare(2, nodeSetup('[[ $KIND == "of the cluster" && -z ${AZ_BATCHAI_JOB_TEMP-} ]]'));
      const properties = {
        ...{ nodeCount: 2, jobPreparation: { commandLine: "[[ $KIND == own ]]" } },
        environmentVariables: [{ name: "KIND", value: "own" }],
      };
      await slurm.submit("job", "[[ $KIND == own && -n $AZ_BATCHAI_JOB_TEMP ]]", properties);
      const { plan, secrets } = slurm.slurm.runs[0] ?? {};
      const steps = plan?.preparation.map(({ name, oncePerHost }) => [name, oncePerHost !== undefined]);
      expect(steps).toEqual([
        ...[
          ["setup task", true],
          ["setup task", true],
        ],
        ...[
          ["job preparation", false],
          ["job preparation", false],
        ],
      ]);
      expect(new Set(plan?.preparation.slice(0, 2).map(({ oncePerHost }) => oncePerHost)).size).toBe(1);
      expect(secrets).toEqual({ environment: {}, oncePerHost: { PASSWORD: "hidden-one" } });
      await slurm.slurm.open();
      expect(await service.ended("job")).toMatchObject({ executionState: "succeeded" });

      await slurm.submit("second", "true");
      const key = slurm.slurm.runs[1]?.plan.preparation[0]?.oncePerHost;
      expect(key).toBe(plan?.preparation[0]?.oncePerHost);
      expect(key).toMatch(/^[0-9a-f]{16}$/);
    });
  });

  it("ends the job if it fails, and the cluster names the host until it has succeeded there", async () => {
    await SlurmService.with(async (slurm) => {
      const { service } = slurm;
      const gate = join(slurm.dataDir, "gate");
      await service.prepare(2, nodeSetup(`[[ -e ${gate} ]] || { echo "no disk, $PASSWORD" >&2; exit 3; }`));
      await slurm.submit("job", "true");
      await slurm.slurm.open();
      const error = errorOf(await service.ended("job"));
      expect(error).toMatchObject({ code: "SetupTaskFailed" });
      const details = Object.fromEntries((error?.details ?? []).map(({ name, value }) => [name, value]));
      expect(details).toMatchObject({ Host: "n1", LastLines: expect.stringContaining("no disk, ") as string });
      expect(details.LastLines).not.toContain("hidden-one");
      const [ofCluster] = (await slurm.errorsOfCluster()) ?? [];
      expect(ofCluster).toMatchObject({ code: "NodeSetupTaskFailed" });
      expect(ofCluster?.message).toContain("n1");

      mkdirSync(gate);
      await slurm.submit("second", "exit 7");
      expect(await slurm.errorsOfCluster()).toHaveLength(1);
      await slurm.slurm.open();
      expect(errorOf(await service.ended("second"))).toMatchObject({ code: "JobFailed" });
      expect(await slurm.errorsOfCluster()).toBeUndefined();
    });
  });
});
