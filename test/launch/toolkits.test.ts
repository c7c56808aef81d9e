import { describe, expect, it } from "vitest";
import type { Job } from "../../src/models/job.ts";
import type { CNTKsettings } from "../../src/models/toolkitSettings.ts";
import { hostFileOf } from "../../src/service/launch/hostFile.ts";
import { type JobLaunchContext, planJob } from "../../src/service/launch/job.ts";
import { toolkitIssues, toolTypeOf, withToolkitDefaults } from "../../src/service/toolkits/toolkits.ts";
import { jobContext, twoNodes } from "./context.ts";

function cntkLine(settings: CNTKsettings, nodes = 1): string | undefined {
  const job = { nodeCount: nodes, customToolkitSettings: undefined, cntkSettings: settings };
  return planJob(jobContext(job, { nodes: twoNodes.slice(0, nodes) })).plan.processes[0]?.commandLine;
}

describe("CNTK with Python", () => {
  const mpirun = 'mpirun --allow-run-as-root --hostfile "$AZ_BATCHAI_MPI_HOST_FILE"';
  const cases: [string, CNTKsettings, string, number?][] = [
    ["runs the script", { pythonScriptFilePath: "train.py" }, "python train.py"],
    [
      "keeps a path with variables together and passes the arguments to the shell",
      { pythonScriptFilePath: "$AZ_BATCHAI_INPUT_S/a.py", commandLineArgs: "$AZ_BATCHAI_OUTPUT_MODEL -e 5 | tee log" },
      'python "$AZ_BATCHAI_INPUT_S/a.py" $AZ_BATCHAI_OUTPUT_MODEL -e 5 | tee log',
    ],
    ["leaves the user's own quotes alone", { pythonScriptFilePath: '"$A/my script.py"' }, 'python "$A/my script.py"'],
    [
      "uses the given interpreter",
      { languageType: "python", pythonScriptFilePath: "a.py", pythonInterpreterPath: "/opt/py/bin/python3" },
      "/opt/py/bin/python3 a.py",
    ],
    ["starts several by MPI", { pythonScriptFilePath: "a.py", processCount: 3 }, `${mpirun} -n 3 python a.py`],
    ["has one process per node by default", { pythonScriptFilePath: "a.py" }, `${mpirun} -n 2 python a.py`, 2],
    ["runs one process on several nodes", { pythonScriptFilePath: "a.py", processCount: 1 }, "python a.py", 2],
  ];
  it.each(cases)("%s", (_, settings, line, nodes) => expect(cntkLine(settings, nodes)).toBe(line));

  it("has slots for all processes in the host file", () => {
    const job: Partial<Job> = {
      nodeCount: 2,
      customToolkitSettings: undefined,
      cntkSettings: { pythonScriptFilePath: "a.py", processCount: 5 },
    };
    const { plan } = planJob(jobContext(job, { nodes: twoNodes }));
    expect(plan.files[0]?.content).toBe("10.0.0.4 slots=3\n10.0.0.5 slots=3\n");
  });
});

describe("toolkits that the service cannot launch", () => {
  const script = { pythonScriptFilePath: "a.py" };
  const cases: [string, Partial<Job>, string][] = [
    ["TensorFlow", { tensorFlowSettings: script }, "properties.tensorFlowSettings"],
    ["PyTorch", { pyTorchSettings: script }, "properties.pyTorchSettings"],
    ["Caffe", { caffeSettings: script }, "properties.caffeSettings"],
    ["Caffe2", { caffe2Settings: script }, "properties.caffe2Settings"],
    ["Chainer", { chainerSettings: script }, "properties.chainerSettings"],
    ["Horovod", { horovodSettings: script }, "properties.horovodSettings"],
    ["custom MPI", { customMpiSettings: { commandLine: "a" } }, "properties.customMpiSettings"],
    ["BrainScript by name", { cntkSettings: { languageType: "brainscript" } }, "properties.cntkSettings.languageType"],
    ["BrainScript by file", { cntkSettings: { configFilePath: "a.cntk" } }, "properties.cntkSettings.languageType"],
    ["CNTK without a script", { cntkSettings: {} }, "properties.cntkSettings.pythonScriptFilePath"],
    ["an empty command", { customToolkitSettings: {} }, "properties.customToolkitSettings.commandLine"],
  ];
  it.each(cases)("%s is refused by name", (_, settings, property) => {
    expect(toolkitIssues(settings).map(({ path }) => path)).toEqual([property]);
    expect(() => planJob(jobContext({ customToolkitSettings: undefined, ...settings }))).toThrow(
      expect.objectContaining({ name: "StartError", code: "UnsupportedToolkit", target: property }),
    );
  });

  it("are none of CNTK with Python and custom", () => {
    expect(toolkitIssues({ cntkSettings: script })).toEqual([]);
    expect(toolkitIssues({ customToolkitSettings: { commandLine: "true" } })).toEqual([]);
  });

  it("are told apart by their settings", () => {
    expect(toolTypeOf({ pyTorchSettings: script })).toBe("pytorch");
    expect(toolTypeOf({ customMpiSettings: { commandLine: "a" } })).toBe("custommpi");
    expect(toolTypeOf({})).toBeUndefined();
  });

  it("must be exactly one", () => {
    expect(toolkitIssues({ cntkSettings: script, pyTorchSettings: script })).toEqual([
      {
        path: "properties.pyTorchSettings",
        message: "exactly one toolkit is allowed, but cntkSettings and pyTorchSettings are given",
      },
    ]);
    expect(toolkitIssues({})).toEqual([
      {
        path: "properties.customToolkitSettings",
        message:
          "exactly one of cntkSettings, pyTorchSettings, tensorFlowSettings, caffeSettings, caffe2Settings, " +
          "chainerSettings, horovodSettings, customMpiSettings, customToolkitSettings is needed, got none",
      },
    ]);
  });
});

describe("defaults of toolkits", () => {
  const job = { cluster: { id: "" }, nodeCount: 3, stdOutErrPathPrefix: "" };

  it.each<[CNTKsettings, CNTKsettings]>([
    [{}, { languageType: "Python", processCount: 3 }],
    [{ configFilePath: "a.cntk" }, { configFilePath: "a.cntk", languageType: "BrainScript", processCount: 3 }],
    [
      { languageType: "python", processCount: 1 },
      { languageType: "python", processCount: 1 },
    ],
  ])("of CNTK: %j becomes %j", (cntkSettings, completed) => {
    expect(withToolkitDefaults({ ...job, cntkSettings })).toEqual({ ...job, cntkSettings: completed });
  });

  it("of others are none", () => {
    const given = { ...job, customToolkitSettings: {}, horovodSettings: { pythonScriptFilePath: "a.py" } };
    expect(withToolkitDefaults(given)).toEqual(given);
  });
});

describe("the MPI host file", () => {
  const content = (job: Partial<Job>, nodes: JobLaunchContext["nodes"]) =>
    planJob(jobContext({ nodeCount: nodes.length, ...job }, { nodes })).plan.files[0]?.content;
  const oneMachine = twoNodes.map((node) => ({ ...node, address: "127.0.0.1" }));

  it("names each address once, with the slots of all of its nodes", () => {
    expect(content({}, oneMachine)).toBe("127.0.0.1 slots=2\n");
    const elsewhere = { nodeId: "tvm-3", address: "10.0.0.5", tempRoot: "/data/nodes/tvm-3", gpus: [] };
    expect(content({}, [...twoNodes, elsewhere])).toBe("10.0.0.4 slots=1\n10.0.0.5 slots=2\n");
  });

  it("has room for the processes of all nodes of one machine", () => {
    const cntkSettings = { pythonScriptFilePath: "a.py", processCount: 5 };
    expect(content({ customToolkitSettings: undefined, cntkSettings }, oneMachine)).toBe("127.0.0.1 slots=6\n");
  });

  it("leaves the addresses open that only the start of the run decides", () => {
    const nodes = [
      { position: 0, address: "10.0.0.4", gpuCount: 4 },
      { position: 1, gpuCount: 2 },
      { position: 2, gpuCount: 0 },
    ];
    expect(hostFileOf(nodes, 1)).toEqual(["10.0.0.4 slots=4\n", { host: 1 }, " slots=2\n", { host: 2 }, " slots=1\n"]);
  });
});
