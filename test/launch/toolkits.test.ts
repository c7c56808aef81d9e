import { describe, expect, it } from "vitest";
import type { ToolkitSettings } from "../../src/models/toolkitSettings.ts";
import { planJob } from "../../src/service/launch/job.ts";
import type { LaunchPlan } from "../../src/service/engines/engine.ts";
import { withoutSegments } from "../../src/service/engines/launchText.ts";
import { toolTypeOf, withToolkitDefaults } from "../../src/service/toolkits/toolkits.ts";
import { jobContext, segment, twoNodes } from "./context.ts";

const script = { pythonScriptFilePath: "a.py" };
const python = '"$(command -v python || echo python3)"';

/** Plans a job as it is stored: with the defaults of its toolkit. */
function planOf(settings: ToolkitSettings, nodeCount = 1): LaunchPlan {
  const parameters = { cluster: { id: "c" }, stdOutErrPathPrefix: "$AZ_BATCHAI_JOB_MOUNT_ROOT/logs", nodeCount };
  const job = withToolkitDefaults({ ...parameters, ...settings });
  const nodes = [...twoNodes, { ...twoNodes[1], nodeId: "tvm-3", address: "10.0.0.6" }].slice(0, nodeCount);
  return planJob(jobContext({ customToolkitSettings: undefined, ...job }, { nodes: nodes as typeof twoNodes })).plan;
}

/** The processes with their ports filled in, from 2222. */
function processesOf(settings: ToolkitSettings, nodeCount = 1) {
  const plan = planOf(settings, nodeCount);
  const ports = new Map(Array.from({ length: 20 }, (_, index) => [index, 2222 + index]));
  const addresses = plan.nodes.map(({ address }) => address ?? "");
  return withoutSegments(plan, { addresses, ports }).processes;
}

const lineOf = (settings: ToolkitSettings, nodeCount = 1) => planOf(settings, nodeCount).processes[0]?.commandLine;

function mpirun(processCount: number, perNode: number, line: string): string {
  return (
    'case "$(mpirun --version 2>&1)" in *"Open MPI"*) set -- --allow-run-as-root --hostfile "$AZ_BATCHAI_MPI_HOST_FILE" ' +
    "--map-by node --rank-by slot --oversubscribe --bind-to none ;; " +
    `*) set -- -hosts "$AZ_BATCH_HOST_LIST" -ppn ${String(perNode)} ;; esac; mpirun "$@" -n ${String(processCount)} ${line}`
  );
}

describe("command lines of toolkits", () => {
  it.each<[string, ToolkitSettings, number, string]>([
    ["CNTK runs a script", { cntkSettings: script }, 1, `${python} a.py`],
    [
      "a path with variables stays one word, and the shell reads the arguments",
      { cntkSettings: { pythonScriptFilePath: "$AZ_BATCHAI_INPUT_S/a.py", commandLineArgs: "$OUT -e 5 | tee log" } },
      1,
      `${python} "$AZ_BATCHAI_INPUT_S/a.py" $OUT -e 5 | tee log`,
    ],
    [
      "the user's own quotes stay",
      { cntkSettings: { pythonScriptFilePath: '"$A/my script.py"' } },
      1,
      `${python} "$A/my script.py"`,
    ],
    [
      "a given interpreter stays",
      { cntkSettings: { ...script, languageType: "python", pythonInterpreterPath: "/opt/py/bin/python3" } },
      1,
      "/opt/py/bin/python3 a.py",
    ],
    ["CNTK starts several by MPI", { cntkSettings: { ...script, processCount: 3 } }, 1, mpirun(3, 3, `${python} a.py`)],
    ["CNTK has one process per node", { cntkSettings: script }, 2, mpirun(2, 1, `${python} a.py`)],
    ["CNTK runs one process on two nodes", { cntkSettings: { ...script, processCount: 1 } }, 2, `${python} a.py`],
    [
      "CNTK runs BrainScript",
      { cntkSettings: { configFilePath: "$AZ_BATCHAI_INPUT_C/a.cntk", commandLineArgs: "rootDir=." } },
      1,
      'cntk configFile="$AZ_BATCHAI_INPUT_C/a.cntk" rootDir=.',
    ],
    [
      "CNTK runs BrainScript by MPI",
      { cntkSettings: { languageType: "brainscript", configFilePath: "a.cntk" } },
      2,
      mpirun(2, 1, "cntk configFile=a.cntk"),
    ],
    [
      "Caffe runs a solver",
      { caffeSettings: { configFilePath: "$A/s.prototxt", commandLineArgs: "-gpu all" } },
      1,
      'caffe train -solver "$A/s.prototxt" -gpu all',
    ],
    [
      "Caffe runs a solver by MPI",
      { caffeSettings: { configFilePath: "s" } },
      2,
      mpirun(2, 1, "caffe train -solver s"),
    ],
    ["Caffe runs a script", { caffeSettings: script }, 1, `${python} a.py`],
    ["Chainer always uses MPI", { chainerSettings: script }, 1, mpirun(1, 1, `${python} a.py`)],
    ["Chainer fills its nodes", { chainerSettings: { ...script, processCount: 8 } }, 2, mpirun(8, 4, `${python} a.py`)],
    ["Horovod always uses MPI", { horovodSettings: script }, 2, mpirun(2, 1, `${python} a.py`)],
    [
      "custom MPI gives each process a shell of its own",
      { customMpiSettings: { commandLine: "echo 'it''s' $OMPI_COMM_WORLD_RANK | cat", processCount: 4 } },
      1,
      mpirun(4, 4, `bash -c 'echo '\\''it'\\'''\\''s'\\'' $OMPI_COMM_WORLD_RANK | cat'`),
    ],
    [
      "PyTorch tells its MPI processes their ranks",
      { pyTorchSettings: { ...script, communicationBackend: "mpi", processCount: 2 } },
      1,
      mpirun(
        2,
        2,
        `bash -c 'export AZ_BATCHAI_TASK_INDEX="\${OMPI_COMM_WORLD_RANK:-$PMI_RANK}"; "$(command -v python || echo python3)" a.py'`,
      ),
    ],
    ["custom runs its line", { customToolkitSettings: { commandLine: "a | b" } }, 2, "a | b"],
  ])("%s", (_, settings, nodeCount, line) => {
    expect(lineOf(settings, nodeCount)).toBe(line);
    const { processes } = planOf(settings, nodeCount);
    const names = processes.map(({ name, stdout }) => [name, stdout.split("/").at(-1)]);
    expect(names).toEqual([["the job", "stdout.txt"]]);
  });
});

describe("processes of PyTorch", () => {
  const args = "--rank $AZ_BATCHAI_TASK_INDEX";

  it("fill the nodes in order, each with its rank, and meet at the master", () => {
    const pyTorchSettings = { ...script, commandLineArgs: args, communicationBackend: "Gloo", processCount: 5 };
    const processes = processesOf({ pyTorchSettings }, 2);
    expect(processes.map(({ name, nodeId, stdout }) => [name, nodeId, stdout.split("/").at(-1)])).toEqual([
      ["rank 0", "tvm-1", "stdout-0.txt"],
      ["rank 1", "tvm-1", "stdout-1.txt"],
      ["rank 2", "tvm-1", "stdout-2.txt"],
      ["rank 3", "tvm-2", "stdout-3.txt"],
      ["rank 4", "tvm-2", "stdout-4.txt"],
    ]);
    expect(processes.map(({ environment }) => environment.AZ_BATCHAI_TASK_INDEX)).toEqual(["0", "1", "2", "3", "4"]);
    for (const { commandLine, environment } of processes) {
      expect(commandLine).toBe(`${python} a.py ${args}`);
      expect(environment.AZ_BATCHAI_PYTORCH_INIT_METHOD).toBe("tcp://10.0.0.4:2222");
      expect(environment.AZ_BATCHAI_PYTORCH_BACKEND).toBe("gloo");
    }
  });

  it.each([
    ["TCP", "gloo"],
    ["MPI", "mpi"],
  ])("meet at a file of this attempt with %s", (communicationBackend, backend) => {
    const [process] = processesOf({ pyTorchSettings: { ...script, communicationBackend } }, 2);
    expect(process?.environment).toMatchObject({
      AZ_BATCHAI_PYTORCH_INIT_METHOD: "file:///roots/j-1/shared/pytorch-run-1",
      AZ_BATCHAI_PYTORCH_BACKEND: backend,
    });
  });

  it("are one without communication if the job has one process", () => {
    const processes = processesOf({ pyTorchSettings: script });
    expect(processes).toMatchObject([{ name: "the job", environment: { AZ_BATCHAI_TASK_INDEX: "0" } }]);
    expect(processes[0]?.stdout).toMatch(/stdout-0\.txt$/);
    expect(Object.keys(processes[0]?.environment ?? {})).toEqual(["AZ_BATCHAI_TASK_INDEX"]);
  });

  it("have slots for MPI", () => {
    const pyTorchSettings = { ...script, communicationBackend: "MPI", processCount: 5 };
    expect(planOf({ pyTorchSettings }, 2).files[0]?.content).toBe("10.0.0.4 slots=3\n10.0.0.5 slots=3\n");
  });
});

describe("processes of Caffe2", () => {
  it("are one on each node, with their index", () => {
    const processes = processesOf({ caffe2Settings: { ...script, commandLineArgs: "-x" } }, 2);
    expect(processes.map(({ name, nodeId, environment }) => [name, nodeId, environment.AZ_BATCHAI_TASK_INDEX])).toEqual(
      [
        ["rank 0", "tvm-1", "0"],
        ["rank 1", "tvm-2", "1"],
      ],
    );
    expect(processes.map(({ commandLine }) => commandLine)).toEqual([`${python} a.py -x`, `${python} a.py -x`]);
  });
});

describe("processes of TensorFlow", () => {
  const all = {
    ...script,
    masterCommandLineArgs: "--master",
    workerCommandLineArgs: "--worker",
    parameterServerCommandLineArgs: "--ps",
  };

  it("are one without a cluster on one node", () => {
    const tensorFlowSettings = { ...script, masterCommandLineArgs: "--master" };
    const processes = processesOf({ tensorFlowSettings });
    expect(processes).toEqual([
      {
        name: "the job",
        nodeId: "tvm-1",
        commandLine: `${python} a.py --master`,
        environment: { AZ_BATCHAI_TASK_INDEX: "0" },
        stdout: `/roots/j-1/mounts/logs/${segment}/stdouterr/stdout-wk-0.txt`,
        stderr: `/roots/j-1/mounts/logs/${segment}/stdouterr/stderr-wk-0.txt`,
      },
    ]);
  });

  it("are workers and servers on all nodes, with the addresses of the original service", () => {
    const processes = processesOf({ tensorFlowSettings: all }, 3);
    expect(
      processes.map(({ name, isServer = false, nodeId, commandLine, stdout }) => [
        name,
        isServer,
        nodeId,
        commandLine.split(" ").at(-1),
        stdout.split("/").at(-1),
      ]),
    ).toEqual([
      ["worker 0", false, "tvm-1", "--master", "stdout-wk-0.txt"],
      ["worker 1", false, "tvm-2", "--worker", "stdout-wk-1.txt"],
      ["worker 2", false, "tvm-3", "--worker", "stdout-wk-2.txt"],
      ["parameter server 0", true, "tvm-1", "--ps", "stdout-ps-0.txt"],
    ]);
    const workers = ["10.0.0.4:2223", "10.0.0.5:2224", "10.0.0.6:2225"];
    for (const { environment } of processes) {
      expect(environment.AZ_BATCHAI_PS_HOSTS).toBe("10.0.0.4:2222");
      expect(environment.AZ_BATCHAI_WORKER_HOSTS).toBe(workers.join(","));
    }
    const configs = processes.map(({ environment }) => JSON.parse(environment.TF_CONFIG ?? "") as object);
    const cluster = { ps: ["10.0.0.4:2222"], worker: workers };
    const task = (type: string, index: number) => ({ cluster, task: { type, index }, environment: "cloud" });
    expect(configs).toEqual([task("worker", 0), task("worker", 1), task("worker", 2), task("ps", 0)]);
    expect(processes.map(({ environment }) => environment.AZ_BATCHAI_TASK_INDEX)).toEqual(["0", "1", "2", "0"]);
  });

  it("have a cluster without servers if the job wants none", () => {
    const [worker] = processesOf({ tensorFlowSettings: { ...script, workerCount: 2, parameterServerCount: 0 } });
    expect(worker?.environment).toEqual({
      AZ_BATCHAI_TASK_INDEX: "0",
      AZ_BATCHAI_PS_HOSTS: "",
      AZ_BATCHAI_WORKER_HOSTS: "10.0.0.4:2222,10.0.0.4:2223",
      TF_CONFIG:
        '{"cluster":{"worker":["10.0.0.4:2222","10.0.0.4:2223"]},"task":{"type":"worker","index":0},"environment":"cloud"}',
    });
  });
});

describe("defaults of toolkits", () => {
  const job = { cluster: { id: "" }, nodeCount: 3, stdOutErrPathPrefix: "" };
  const counted = { ...script, processCount: 3 };

  it.each<[ToolkitSettings, ToolkitSettings]>([
    [{ cntkSettings: {} }, { cntkSettings: { languageType: "Python", processCount: 3 } }],
    [
      { cntkSettings: { configFilePath: "a.cntk" } },
      { cntkSettings: { configFilePath: "a.cntk", languageType: "BrainScript", processCount: 3 } },
    ],
    [
      { cntkSettings: { languageType: "python", processCount: 1 } },
      { cntkSettings: { languageType: "python", processCount: 1 } },
    ],
    [{ pyTorchSettings: script }, { pyTorchSettings: counted }],
    [{ caffeSettings: script }, { caffeSettings: counted }],
    [{ chainerSettings: script }, { chainerSettings: counted }],
    [{ horovodSettings: script }, { horovodSettings: counted }],
    [{ customMpiSettings: { commandLine: "a" } }, { customMpiSettings: { commandLine: "a", processCount: 3 } }],
    [{ tensorFlowSettings: script }, { tensorFlowSettings: { ...script, workerCount: 3, parameterServerCount: 1 } }],
    [{ caffe2Settings: script }, { caffe2Settings: script }],
    [{ customToolkitSettings: { commandLine: "a" } }, { customToolkitSettings: { commandLine: "a" } }],
  ])("%j becomes %j", (settings, completed) => {
    expect(withToolkitDefaults({ ...job, ...settings })).toEqual({ ...job, ...completed });
  });

  it("of TensorFlow on one node depend on the counts", () => {
    const completed = (settings: object) =>
      withToolkitDefaults({ ...job, nodeCount: 1, tensorFlowSettings: { ...script, ...settings } }).tensorFlowSettings;
    expect(completed({})).toEqual(script);
    expect(completed({ workerCount: 1 })).toEqual({ ...script, workerCount: 1 });
    expect(completed({ workerCount: 2 })).toEqual({ ...script, workerCount: 2, parameterServerCount: 1 });
    expect(completed({ parameterServerCount: 1 })).toEqual({ ...script, workerCount: 1, parameterServerCount: 1 });
  });

  it("leave the tool type to the settings", () => {
    expect(toolTypeOf({ pyTorchSettings: script })).toBe("pytorch");
    expect(toolTypeOf({ customMpiSettings: { commandLine: "a" } })).toBe("custommpi");
    expect(toolTypeOf({})).toBeUndefined();
  });
});
