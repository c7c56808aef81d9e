import { describe, expect, it } from "vitest";
import type { Job } from "../../src/models/job.ts";
import type { CNTKsettings } from "../../src/models/toolkitSettings.ts";
import { planJob } from "../../src/service/launch/job.ts";
import { toolTypesOf, unsupportedToolkit } from "../../src/service/toolkits/toolkits.ts";
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
    expect(unsupportedToolkit(settings)?.property).toBe(property);
    expect(() => planJob(jobContext({ customToolkitSettings: undefined, ...settings }))).toThrow(
      expect.objectContaining({ name: "StartError", code: "UnsupportedToolkit", target: property }),
    );
  });

  it("are none of CNTK with Python and custom", () => {
    expect(unsupportedToolkit({ cntkSettings: script })).toBeUndefined();
    expect(unsupportedToolkit({ customToolkitSettings: { commandLine: "true" } })).toBeUndefined();
  });

  it("are told apart by their settings", () => {
    expect(toolTypesOf({ cntkSettings: script, pyTorchSettings: script })).toEqual(["cntk", "pytorch"]);
    expect(toolTypesOf({})).toEqual([]);
  });
});
