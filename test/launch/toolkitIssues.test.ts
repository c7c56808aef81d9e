import { describe, expect, it } from "vitest";
import type { ToolkitSettings } from "../../src/models/toolkitSettings.ts";
import { planJob } from "../../src/service/launch/job.ts";
import { toolkitIssues, withToolkitDefaults } from "../../src/service/toolkits/toolkits.ts";
import { jobContext } from "./context.ts";

const script = { pythonScriptFilePath: "a.py" };

/** Problems of a job as the service finds them: after it has added the defaults. */
function issuesOf(settings: ToolkitSettings, nodeCount = 1): string[] {
  const parameters = { cluster: { id: "c" }, stdOutErrPathPrefix: "", nodeCount };
  const issues = toolkitIssues(withToolkitDefaults({ ...parameters, ...settings }));
  return issues.map(({ path, message }) => `${path} ${message}`);
}

describe("problems of toolkits", () => {
  const mpiJobs = {
    CNTK: "cntkSettings",
    Caffe: "caffeSettings",
    Chainer: "chainerSettings",
    Horovod: "horovodSettings",
  } as const;
  const counted = Object.values(mpiJobs).map((property): [ToolkitSettings, number, string[]] => [
    { [property]: { ...script, processCount: 257 } },
    2,
    [`properties.${property}.processCount must be at most 256 (128 for each node), got 257`],
  ]);

  it.each<[ToolkitSettings, number, string[]]>([
    ...counted,
    [{ cntkSettings: {} }, 1, ["properties.cntkSettings.pythonScriptFilePath a script is needed to run a CNTK job."]],
    [
      { cntkSettings: { languageType: "BrainScript" } },
      1,
      ["properties.cntkSettings.configFilePath a configuration file is needed to run a BrainScript job."],
    ],
    [
      { cntkSettings: { ...script, configFilePath: "a.cntk" } },
      1,
      ["properties.cntkSettings.pythonScriptFilePath is not allowed for a BrainScript configuration"],
    ],
    [
      { cntkSettings: { configFilePath: "a.cntk", pythonInterpreterPath: "python" } },
      1,
      ["properties.cntkSettings.pythonInterpreterPath is not allowed for a BrainScript configuration"],
    ],
    [
      { cntkSettings: { ...script, configFilePath: "a.cntk", languageType: "PYTHON" } },
      1,
      ["properties.cntkSettings.configFilePath is not allowed for a Python script"],
    ],
    [
      { cntkSettings: { ...script, languageType: "Perl" } },
      1,
      ['properties.cntkSettings.languageType must be one of Python, BrainScript, got "Perl"'],
    ],
    [
      { pyTorchSettings: { ...script, communicationBackend: "n".repeat(50) } },
      1,
      [`properties.pyTorchSettings.communicationBackend must be one of TCP, Gloo, MPI, got "${"n".repeat(40)}..."`],
    ],
    [
      { pyTorchSettings: script },
      2,
      ["properties.pyTorchSettings.communicationBackend is needed for more than one process: TCP or Gloo or MPI."],
    ],
    [
      { pyTorchSettings: { ...script, communicationBackend: "gloo", processCount: 600 } },
      10,
      ["properties.pyTorchSettings.processCount must be at most 512 (for the whole job), got 600"],
    ],
    [{ pyTorchSettings: { ...script, communicationBackend: "mpi", processCount: 600 } }, 10, []],
    [
      { pyTorchSettings: { ...script, communicationBackend: "tcp" } },
      2_000_000_000,
      ["properties.pyTorchSettings.processCount must be at most 512 (for the whole job), got 2000000000"],
    ],
    [
      { caffeSettings: {} },
      1,
      [
        "properties.caffeSettings.configFilePath a solver configuration or pythonScriptFilePath is needed to run a Caffe job.",
      ],
    ],
    [
      { caffeSettings: { ...script, configFilePath: "a" } },
      1,
      ["properties.caffeSettings.pythonScriptFilePath is not allowed together with configFilePath"],
    ],
    [
      { caffeSettings: { configFilePath: "a", pythonInterpreterPath: "python" } },
      1,
      ["properties.caffeSettings.pythonInterpreterPath is not allowed together with configFilePath"],
    ],
    [
      { caffe2Settings: { pythonScriptFilePath: "" } },
      1,
      ["properties.caffe2Settings.pythonScriptFilePath a script is needed to run a Caffe2 job."],
    ],
    [
      { chainerSettings: { pythonScriptFilePath: "" } },
      1,
      ["properties.chainerSettings.pythonScriptFilePath a script is needed to run a Chainer job."],
    ],
    [
      { customMpiSettings: { commandLine: "", processCount: 129 } },
      1,
      [
        "properties.customMpiSettings.commandLine a command line is needed to run a job.",
        "properties.customMpiSettings.processCount must be at most 128 (128 for each node), got 129",
      ],
    ],
    [
      { customToolkitSettings: {} },
      1,
      ["properties.customToolkitSettings.commandLine a command line is needed to run a job."],
    ],
    [
      { tensorFlowSettings: { pythonScriptFilePath: "" } },
      1,
      ["properties.tensorFlowSettings.pythonScriptFilePath a script is needed to run a TensorFlow job."],
    ],
    [
      { tensorFlowSettings: { ...script, parameterServerCount: 3 } },
      2,
      ["properties.tensorFlowSettings.parameterServerCount must be at most 2 (1 for each node), got 3"],
    ],
    [
      { tensorFlowSettings: { ...script, workerCount: 0 } },
      2,
      ["properties.tensorFlowSettings.workerCount must be at least 1, because worker 0 is the master, got 0"],
    ],
    [
      { tensorFlowSettings: { ...script, workerCount: 1, parameterServerCount: 1000 } },
      1000,
      ["properties.tensorFlowSettings.parameterServerCount must be at most 100 (for the whole job), got 1000"],
    ],
    [{ tensorFlowSettings: { ...script, workerCount: 0, parameterServerCount: 0 } }, 1, []],
    [
      { tensorFlowSettings: { ...script, workerCount: 600 } },
      9,
      ["properties.tensorFlowSettings.workerCount must be at most 412 (for the whole job), got 600"],
    ],
    [
      { tensorFlowSettings: { ...script, parameterServerCount: 0, parameterServerCommandLineArgs: "" } },
      2,
      ["properties.tensorFlowSettings.parameterServerCommandLineArgs is not allowed if parameterServerCount is 0"],
    ],
    [
      { tensorFlowSettings: { ...script, workerCommandLineArgs: "-w", parameterServerCommandLineArgs: "-p" } },
      1,
      ["worker", "parameterServer"].map(
        (kind) =>
          `properties.tensorFlowSettings.${kind}CommandLineArgs is not allowed because the job has one process, which ` +
          "gets masterCommandLineArgs. For several processes, set parameterServerCount, workerCount or nodeCount.",
      ),
    ],
  ])("of %j on %i nodes", (settings, nodeCount, expected) => {
    expect(issuesOf(settings, nodeCount)).toEqual(expected);
  });

  it("keep a job of an earlier version from starting", () => {
    const job = { customToolkitSettings: undefined, cntkSettings: { languageType: "Perl", ...script } };
    const target = "properties.cntkSettings.languageType";
    expect(() => planJob(jobContext(job))).toThrow(
      expect.objectContaining({ name: "StartError", code: "UnsupportedToolkit", target }),
    );
  });

  it("are that a job has none or several", () => {
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
