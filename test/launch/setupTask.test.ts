import { describe, expect, it } from "vitest";
import { defaultVariables } from "./context.ts";
import { planSetupTask, type SetupTaskContext } from "../../src/service/launch/setupTask.ts";

function context(task: Partial<SetupTaskContext["setupTask"]> = {}): SetupTaskContext {
  return {
    setupTask: {
      commandLine: "apt install x",
      stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/logs",
      stdOutErrPathSuffix: "sub/group/workspaces/w/clusters/c/0b2c",
      ...task,
    },
    runId: "run-1",
    runDirectory: "/data/runs/run-1",
    node: { nodeId: "tvm-1", address: "10.0.0.4", tempRoot: "/data/nodes/tvm-1", gpus: [] },
    clusterMountRoot: "/roots/c-1",
    clusterMounts: [{ source: "/data/shares/acct/logs", target: "/roots/c-1/logs" }],
  };
}

describe("the plan of a setup task", () => {
  it("runs the command with its own variables and output files", () => {
    const environmentVariables = [{ name: "WHERE", value: "$AZ_BATCHAI_MOUNT_ROOT/x" }];
    const plan = planSetupTask(context({ environmentVariables }));
    const logs = "/roots/c-1/logs/sub/group/workspaces/w/clusters/c/0b2c";
    expect(plan).toEqual({
      runId: "run-1",
      runDirectory: "/data/runs/run-1",
      scratchRoots: ["/roots/c-1"],
      nodes: [
        {
          nodeId: "tvm-1",
          address: "10.0.0.4",
          gpus: [],
          tempDirectory: "/data/nodes/tvm-1/run-1",
          executionLog: `${logs}/execution-tvm-1.log`,
        },
      ],
      directories: ["/roots/c-1", "/data/nodes/tvm-1/run-1", logs],
      files: [],
      mounts: [{ source: "/data/shares/acct/logs", target: "/roots/c-1/logs" }],
      environment: {
        ...defaultVariables,
        AZ_BATCHAI_MOUNT_ROOT: "/roots/c-1",
        AZ_BATCHAI_STDOUTERR_DIR: logs,
        WHERE: "/roots/c-1/x",
      },
      preparation: [],
      processes: [
        {
          name: "setup task",
          nodeId: "tvm-1",
          commandLine: "apt install x",
          environment: {},
          stdout: `${logs}/stdout-tvm-1.txt`,
          stderr: `${logs}/stderr-tvm-1.txt`,
        },
      ],
    });
  });

  it.each([
    ["logs", "InvalidPath", "the path logs is not absolute. Begin it with $AZ_BATCHAI_MOUNT_ROOT."],
    [
      "$AZ_BATCHAI_MOUNT_ROOT/../x",
      "InvalidPath",
      'the path $AZ_BATCHAI_MOUNT_ROOT/../x leaves its root by "..". Name a folder in it.',
    ],
    ["$NOWHERE/logs", "UnknownVariable", "may use AZ_BATCHAI_MOUNT_ROOT and the environment variables of the task"],
  ])("rejects the path %s with advice for setup tasks", (stdOutErrPathPrefix, code, message) => {
    expect(() => planSetupTask(context({ stdOutErrPathPrefix }))).toThrow(
      expect.objectContaining({ code, reason: expect.stringContaining(message) as unknown }),
    );
  });

  it("rejects a secret with the name of a variable that the service sets", () => {
    expect(() => planSetupTask(context({ secrets: [{ name: "AZ_BATCHAI_MOUNT_ROOT" }] }))).toThrow(
      expect.objectContaining({ target: "properties.nodeSetup.setupTask.secrets[0].name" }),
    );
  });

  it("names the property of a path that makes no sense", () => {
    const target = "properties.nodeSetup.setupTask.stdOutErrPathPrefix";
    expect(() => planSetupTask(context({ stdOutErrPathPrefix: "$AZ_BATCHAI_JOB_TEMP" }))).toThrow(
      expect.objectContaining({ code: "UnknownVariable", target }),
    );
  });

  it("has the variables of the service and a home of its own, unless it sets them itself", () => {
    const serviceVariables = { jobEnvironment: { PROXY: "http://p", OWN: "no" }, privateHome: true };
    const environmentVariables = [{ name: "OWN", value: "yes, not $OWN" }];
    const plan = planSetupTask({ ...context({ environmentVariables }), serviceVariables });
    const home = "/data/nodes/tvm-1/run-1/home";
    expect(plan.environment).toMatchObject({ PROXY: "http://p", OWN: "yes, not no", HOME: home });
    expect(plan.directories).toContain(home);
  });
});
