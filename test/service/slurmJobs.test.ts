import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { missingModules, missingPrograms, needs, titleOf } from "../programs.ts";
import { sharedSlurm } from "../slurm/sharedSlurm.ts";
import { slurmObstacle } from "../slurm/slurmObstacle.ts";
import type { SlurmSite } from "../slurm/slurmSite.ts";
import { until } from "../until.ts";
import { EmbeddedService } from "./embeddedService.ts";
import { mpiScript, torchScript } from "./toolkitScripts.ts";

const obstacle = slurmObstacle();
const onShare = { stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/logs" };
/** Python of the nodes. The tests may have another one in their PATH. */
const python = "/usr/bin/python3";
let site: SlurmSite;
let embedded: EmbeddedService;

const nodeTypes = {
  CPU: { engine: "slurm", partition: "main", cores: 2, memoryInGB: 1 },
  GPU: { engine: "slurm", partition: "gpu", gpus: 2, cores: 1, memoryInGB: 1 },
  LOCAL: { engine: "slurm", partition: "main", cores: 1, memoryInGB: 1, scratchDir: "/run/scratch" },
  CLOSED: { engine: "slurm", partition: "closed", cores: 1, memoryInGB: 1 },
} as const;

/** Creates a cluster with this many nodes of a size, on which jobs then run. */
async function cluster(vmSize: keyof typeof nodeTypes, nodeCount: number, nodeSetup: Record<string, unknown> = {}) {
  const mountVolumes = { azureFileShares: [await embedded.share("logs")] };
  const name = embedded.arm.inWorkspace("/clusters/nodes");
  await embedded.arm.send("DELETE", name);
  await until("the cluster is gone", async () => (await embedded.arm.send("GET", name)).status === 404);
  await embedded.arm.prepare(nodeCount, { vmSize, nodeSetup: { mountVolumes, ...nodeSetup } });
  await embedded.counts({ idleNodeCount: nodeCount });
}

async function script(name: string, text: string): Promise<string> {
  const path = join(embedded.folder, "shared", name);
  await writeFile(path, text);
  return path;
}

/** Runs a job to its end, which must be success; returns its output files. */
async function outputOf(name: string, commandLine: string, properties: Record<string, unknown> = {}) {
  const job = await embedded.run(name, commandLine, { ...onShare, ...properties });
  const files = await embedded.files(name, "stdouterr");
  expect({ state: job.executionState, files, job }).toMatchObject({ state: "succeeded" });
  return files;
}

const linesOf = (text = ""): string[] => text.trim().split("\n").sort();

describe.skipIf(obstacle)(titleOf("jobs of the service on a real Slurm", obstacle), () => {
  beforeAll(async () => {
    site = await sharedSlurm();
    process.env.SLURM_CONF = site.environment.SLURM_CONF;
    embedded = await EmbeddedService.start({ gracePeriodInMs: 500, nodeTypes }, { sharedDir: "shared" });
  });

  afterAll(async () => {
    await embedded.close();
    delete process.env.SLURM_CONF;
  });

  it("run on the host that Slurm gives them, with hosts and slots in their variables", async () => {
    await cluster("CPU", 4);
    const print = 'hostname; echo "$AZ_BATCH_HOST_LIST"; cat "$AZ_BATCHAI_MPI_HOST_FILE"';
    const files = await outputOf("hosts", print, { nodeCount: 2 });
    const [host, list, ...lines] = (files["stdout.txt"] ?? "").trim().split("\n");
    expect(list?.split(",")).toHaveLength(2);
    expect(list?.split(",")[0]).toBe(host);
    expect(lines).toEqual(list?.split(",").map((name) => `${name} slots=2`));
  });

  it("are PyTorch ranks on two nodes that agree on a reduced value", async (context) => {
    needs(context, missingModules(["torch"], python));
    await cluster("CPU", 2);
    const files = await outputOf("torch", "", {
      nodeCount: 2,
      customToolkitSettings: undefined,
      environmentVariables: [{ name: "PATH", value: "/usr/bin:/bin" }],
      pyTorchSettings: {
        pythonScriptFilePath: await script("reduce.py", torchScript),
        commandLineArgs: "$AZ_BATCHAI_PYTORCH_BACKEND $AZ_BATCHAI_PYTORCH_INIT_METHOD 2 $AZ_BATCHAI_TASK_INDEX",
        communicationBackend: "gloo",
      },
    });
    expect(files).toMatchObject({ "stdout-0.txt": "rank 0: 3.0\n", "stdout-1.txt": "rank 1: 3.0\n" });
  });

  it("are ranks of MPI on four nodes", async (context) => {
    needs(context, [...missingPrograms(["mpirun"]), ...missingModules(["mpi4py"], python)]);
    await cluster("CPU", 4);
    const files = await outputOf("mpi", "", {
      nodeCount: 4,
      customToolkitSettings: undefined,
      environmentVariables: [{ name: "PATH", value: "/usr/bin:/bin" }],
      horovodSettings: { pythonScriptFilePath: await script("mpi.py", mpiScript), processCount: 8 },
    });
    const ranks = Array.from({ length: 8 }, (_, rank) => `rank ${String(rank)} of 8: 36`);
    expect(linesOf(files["stdout.txt"])).toEqual(ranks);
  });

  it("get GPUs from Slurm, each node its own", async () => {
    await cluster("GPU", 2);
    const files = await outputOf("gpus", 'echo "$AZ_BATCHAI_NUM_GPUS $CUDA_VISIBLE_DEVICES"');
    expect(files["stdout.txt"]).toBe("2 0,1\n");
  });

  it("have scratch directories on the disk of their hosts, and leave none", async () => {
    await cluster("LOCAL", 2);
    const prepare = { commandLine: "pwd; touch here; [[ $PWD == /run/scratch/* ]]" };
    const files = await outputOf("scratch", "ls", { nodeCount: 2, jobPreparation: prepare });
    expect(files["stdout.txt"]).toBe("here\n");
    const left = await outputOf("look", "find /run/scratch -mindepth 3");
    expect(left["stdout.txt"]?.split("\n").filter((line) => line.includes("here"))).toEqual([]);
  });

  it("run the setup task once on a host, with its own secrets, which the jobs do not see", async () => {
    const mark = join(embedded.folder, "shared", "marks");
    await mkdir(mark);
    const setupTask = {
      commandLine: `echo "$TOKEN $JOB_TOKEN." >> ${mark}/$(cat /proc/sys/kernel/random/boot_id)`,
      stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/logs",
      secrets: [{ name: "TOKEN", value: "of-setup" }],
    };
    await cluster("CPU", 1, { setupTask });
    const secrets = [{ name: "JOB_TOKEN", value: "of-job" }];
    const print = `cat ${mark}/*; echo "$TOKEN $JOB_TOKEN"`;
    expect((await outputOf("first", print, { secrets }))["stdout.txt"]).toBe("of-setup .\n of-job\n");
    expect((await outputOf("second", print, { secrets }))["stdout.txt"]).toBe("of-setup .\n of-job\n");
  });

  it("say why they wait, and end at once when they are terminated", async () => {
    await cluster("CLOSED", 1);
    await embedded.arm.expect("PUT", embedded.arm.jobPath("waits"), embedded.arm.jobBody("true", onShare));
    await until("Slurm says why", async () => {
      const { batchai } = (await embedded.arm.job("waits")) as { batchai?: { waitingFor?: { message?: string } } };
      return /down|PartitionDown/i.test(batchai?.waitingFor?.message ?? "");
    });
    expect(await embedded.arm.job("waits")).toMatchObject({
      executionState: "queued",
      batchai: { waitingFor: { code: "SlurmPending" } },
    });
    await embedded.arm.expect("POST", `${embedded.arm.jobPath("waits")}/terminate`);
    expect(await embedded.ended("waits")).toMatchObject({ executionState: "failed" });
    const waiting = await site.run("squeue", "-h", "-t", "PENDING", "-o", "%j");
    expect(waiting.split("\n").filter((name) => name !== "" && !name.includes("-check-"))).toEqual([]);
  });
});
