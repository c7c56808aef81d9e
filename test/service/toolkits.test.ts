import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, type TestContext } from "vitest";
import { missingModules, missingPrograms, needs } from "../programs.ts";
import { until } from "../until.ts";
import { EmbeddedService } from "./embeddedService.ts";
import { clusterScript, mpiScript, torchScript } from "./toolkitScripts.ts";

let embedded: EmbeddedService;
const onShare = { stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/logs" };

beforeAll(async () => {
  embedded = await EmbeddedService.start({ gracePeriodInMs: 500 });
  const mount = await embedded.share("logs");
  await embedded.arm.prepare(3, { nodeSetup: { mountVolumes: { azureFileShares: [mount] } } });
  await embedded.counts({ idleNodeCount: 3 });
});

afterAll(() => embedded.close());

/** Writes a script for a job, and returns its path. */
async function script(name: string, text: string): Promise<string> {
  const path = join(embedded.folder, name);
  await writeFile(path, text);
  return path;
}

/** Makes a folder with a program that stands in for another, and returns the variable that makes jobs find it. */
async function standIn(program: string, text: string, restOfPath = ":$PATH") {
  const folder = join(embedded.folder, `with-${program}`);
  await mkdir(folder);
  await writeFile(join(folder, program), `#!/bin/bash\n${text}\n`);
  await chmod(join(folder, program), 0o755);
  return { name: "PATH", value: `${folder}${restOfPath}` };
}

/** Runs a job to its end, which must be success; returns the job and its output files. */
async function succeeded(name: string, properties: Record<string, unknown>) {
  const job = await embedded.run(name, "", { ...onShare, customToolkitSettings: undefined, ...properties });
  const files = await embedded.files(name, "stdouterr");
  expect({ state: job.executionState, files }).toEqual({ state: "succeeded", files });
  return { job, files };
}

/** Lines of an output file in alphabetical order: processes write at the same time. */
const linesOf = (text = ""): string[] => text.trim().split("\n").sort();

describe("processes that the service starts", () => {
  it("are TensorFlow workers and servers that reach each other, and servers end with the master", async () => {
    const { job, files } = await succeeded("tensorflow", {
      nodeCount: 2,
      tensorFlowSettings: {
        pythonScriptFilePath: await script("cluster.py", clusterScript),
        masterCommandLineArgs: "master $AZ_BATCHAI_TASK_INDEX",
        workerCommandLineArgs: "worker $AZ_BATCHAI_TASK_INDEX",
        parameterServerCommandLineArgs: "ps $AZ_BATCHAI_TASK_INDEX",
        workerCount: 3,
        parameterServerCount: 2,
      },
    });
    expect(job.toolType).toBe("tensorflow");
    expect(files).toMatchObject({
      "stdout-wk-0.txt": "master 0 of 3, 2 servers\n",
      "stdout-wk-1.txt": "worker 1 of 3, 2 servers\n",
      "stdout-wk-2.txt": "worker 2 of 3, 2 servers\n",
      "stdout-ps-0.txt": "ps 0 of 3, 2 servers\n",
      "stdout-ps-1.txt": "ps 1 of 3, 2 servers\n",
    });
  });

  it.for(["gloo", "TCP"])("are PyTorch ranks that agree on a reduced value with %s", async (backend, context) => {
    needs(context, missingModules(["torch"]));
    const { files } = await succeeded(`torch-${backend}`, {
      nodeCount: 2,
      pyTorchSettings: {
        pythonScriptFilePath: await script("reduce.py", torchScript),
        commandLineArgs: "$AZ_BATCHAI_PYTORCH_BACKEND $AZ_BATCHAI_PYTORCH_INIT_METHOD 2 $AZ_BATCHAI_TASK_INDEX",
        communicationBackend: backend,
      },
    });
    expect(files).toMatchObject({ "stdout-0.txt": "rank 0: 3.0\n", "stdout-1.txt": "rank 1: 3.0\n" });
  });

  it("share no port with other jobs", async () => {
    const pythonScriptFilePath = await script(
      "address.py",
      'import os; print(os.environ["AZ_BATCHAI_PYTORCH_INIT_METHOD"])',
    );
    const pyTorchSettings = { pythonScriptFilePath, communicationBackend: "gloo", processCount: 1 };
    const runs = await Promise.all(["a", "b", "c"].map((name) => succeeded(`port-${name}`, { pyTorchSettings })));
    const addresses = runs.map(({ files }) => files["stdout-0.txt"] ?? "");
    for (const address of addresses) expect(address).toMatch(/^tcp:\/\/127\.0\.0\.1:[23]\d{4}\n$/);
    expect(new Set(addresses).size).toBe(3);
  });

  it("are one on each node for Caffe2, with python3 where there is no python", async () => {
    const meet = 'cd "$AZ_BATCHAI_SHARED_JOB_TEMP"; : > "$AZ_BATCHAI_TASK_INDEX"; until [[ -e 0 && -e 1 ]]; do :; done';
    const onlyPython3 = await standIn("python3", `echo "python3 $*"; ${meet}`, "");
    const { files } = await succeeded("caffe2", {
      nodeCount: 2,
      environmentVariables: [onlyPython3],
      caffe2Settings: { pythonScriptFilePath: "train.py", commandLineArgs: "--shard_id $AZ_BATCHAI_TASK_INDEX" },
    });
    expect(files).toMatchObject({
      "stdout-0.txt": "python3 train.py --shard_id 0\n",
      "stdout-1.txt": "python3 train.py --shard_id 1\n",
    });
  });

  it("show at once what Python prints", async () => {
    const gate = join(embedded.folder, "gate");
    const waiting = `print("begun")\nimport os, time\nwhile not os.path.exists("${gate}"): time.sleep(0.02)\n`;
    const caffeSettings = { pythonScriptFilePath: await script("prints.py", waiting) };
    const body = embedded.arm.jobBody("", { ...onShare, customToolkitSettings: undefined, caffeSettings });
    await embedded.arm.expect("PUT", embedded.arm.jobPath("prints"), body);
    await until("the output appears", async () => {
      return (await embedded.files("prints", "stdouterr"))["stdout.txt"] === "begun\n";
    });
    expect(await embedded.arm.job("prints")).toMatchObject({ executionState: "running" });
    await writeFile(gate, "");
    expect(await embedded.ended("prints")).toMatchObject({ executionState: "succeeded" });
  });
});

describe("processes that Open MPI starts", () => {
  const needsMpi = (context: TestContext) => {
    needs(context, missingPrograms(["mpirun"]));
  };

  it.for([2, 3])("are one on each of %i nodes, and reduce a value with mpi4py", async (nodeCount, context) => {
    needsMpi(context);
    needs(context, missingModules(["mpi4py"]));
    const pythonScriptFilePath = await script("mpi.py", mpiScript);
    const horovodSettings = { pythonScriptFilePath };
    const { job, files } = await succeeded(`mpi4py-${String(nodeCount)}`, { nodeCount, horovodSettings });
    expect(job.horovodSettings).toMatchObject({ processCount: nodeCount });
    const rankLine = (rank: number) => `rank ${String(rank)} of ${String(nodeCount)}: ${nodeCount === 2 ? "3" : "6"}`;
    expect(linesOf(files["stdout.txt"])).toEqual(Array.from({ length: nodeCount }, (_, rank) => rankLine(rank)));
  });

  it("run a custom command line in a shell of their own", async (context) => {
    needsMpi(context);
    const commandLine = `name='a "b"'; echo "$name: $OMPI_COMM_WORLD_RANK of $OMPI_COMM_WORLD_SIZE, it's $(pwd)" | cat`;
    const customMpiSettings = { commandLine, processCount: 4 };
    const { files } = await succeeded("custom-mpi", { customMpiSettings });
    const lines = linesOf(files["stdout.txt"]);
    expect(lines.map((line) => line.split(", it's ")[0])).toEqual(
      [0, 1, 2, 3].map((rank) => `a "b": ${String(rank)} of 4`),
    );
    expect(new Set(lines.map((line) => line.split(", it's ")[1])).size).toBe(1);
  });

  it("know their rank in PyTorch", async (context) => {
    needsMpi(context);
    const pythonScriptFilePath = await script("rank.py", 'import sys; sys.stdout.write(f"rank {sys.argv[1]}\\n")');
    const commandLineArgs = '"$AZ_BATCHAI_TASK_INDEX"';
    const pyTorchSettings = { pythonScriptFilePath, commandLineArgs, communicationBackend: "MPI", processCount: 2 };
    const { files } = await succeeded("torch-mpi", { pyTorchSettings });
    expect(linesOf(files["stdout.txt"])).toEqual(["rank 0", "rank 1"]);
  });

  it("start with the user's own mpirun and the host file, also more than there are slots", async (context) => {
    needsMpi(context);
    const run = "mpirun --hostfile $AZ_BATCHAI_MPI_HOST_FILE";
    const commandLine = `${run} echo one; ${run} -np 4 echo four`;
    const { files } = await succeeded("own-mpirun", { nodeCount: 2, customToolkitSettings: { commandLine } });
    expect(linesOf(files["stdout.txt"])).toEqual(["four", "four", "four", "four", "one", "one"]);
  });

  it("fail as a whole with the exit code of the process that fails", async (context) => {
    needsMpi(context);
    const commandLine = "(( OMPI_COMM_WORLD_RANK == 1 )) && exit 7; sleep 600";
    const job = await embedded.run("failing-rank", "", {
      ...onShare,
      nodeCount: 2,
      customToolkitSettings: undefined,
      customMpiSettings: { commandLine },
    });
    expect(job).toMatchObject({ executionState: "failed", executionInfo: { exitCode: 7 } });
  });
});

describe("programs that stand in for others", () => {
  it("run BrainScript configurations, one process and several", async (context) => {
    needs(context, missingPrograms(["mpirun"]));
    const cntk = await standIn("cntk", 'echo "cntk $*"');
    const job = (nodeCount: number) => ({
      nodeCount,
      environmentVariables: [cntk],
      inputDirectories: [{ id: "CONFIG", path: "$AZ_BATCHAI_MOUNT_ROOT/logs/samples" }],
      cntkSettings: { configFilePath: "$AZ_BATCHAI_INPUT_CONFIG/a.cntk", commandLineArgs: "rootDir=. 'a b'" },
    });
    const single = await succeeded("brainscript", job(1));
    expect(single.job.cntkSettings).toMatchObject({ languageType: "BrainScript", processCount: 1 });
    expect(single.files["stdout.txt"]).toMatch(/^cntk configFile=\/.*\/logs\/samples\/a\.cntk rootDir=\. a b\n$/);
    const several = await succeeded("brainscripts", job(2));
    expect(several.files["stdout.txt"]).toBe(String(single.files["stdout.txt"]).repeat(2));
  });

  it("start processes by MPICH or Intel MPI if that is the mpirun of the machine", async () => {
    const mpich = 'if [[ $1 == --version ]]; then echo "HYDRA build details"; else printf "[%s]" "$@"; fi';
    const { files } = await succeeded("mpich", {
      nodeCount: 2,
      environmentVariables: [await standIn("mpirun", mpich)],
      chainerSettings: { pythonScriptFilePath: "a.py", pythonInterpreterPath: "python3", processCount: 3 },
    });
    expect(files["stdout.txt"]).toBe("[-hosts][127.0.0.1,127.0.0.1][-ppn][2][-n][3][python3][a.py]");
  });
});
