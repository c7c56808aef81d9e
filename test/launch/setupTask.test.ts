import { describe, expect, it } from "vitest";
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
    node: { nodeId: "tvm-1", address: "10.0.0.4", tempRoot: "/data/nodes/tvm-1" },
    clusterMountRoot: "/data/runs/run-1/cluster",
    clusterMounts: [{ source: "/data/shares/acct/logs", relativeMountPath: "logs" }],
  };
}

describe("the plan of a set-up task", () => {
  it("runs the command with its own variables and output files", () => {
    const environmentVariables = [{ name: "WHERE", value: "$AZ_BATCHAI_MOUNT_ROOT/x" }];
    const plan = planSetupTask(context({ environmentVariables }));
    const logs = "/data/runs/run-1/cluster/logs/sub/group/workspaces/w/clusters/c/0b2c";
    expect(plan).toEqual({
      runId: "run-1",
      runDirectory: "/data/runs/run-1",
      nodes: [
        {
          nodeId: "tvm-1",
          address: "10.0.0.4",
          tempDirectory: "/data/nodes/tvm-1/run-1",
          executionLog: `${logs}/execution-tvm-1.log`,
        },
      ],
      directories: ["/data/runs/run-1/cluster", "/data/nodes/tvm-1/run-1", logs],
      files: [],
      mounts: [{ source: "/data/shares/acct/logs", target: "/data/runs/run-1/cluster/logs" }],
      environment: {
        AZ_BATCHAI_MOUNT_ROOT: "/data/runs/run-1/cluster",
        AZ_BATCHAI_STDOUTERR_DIR: logs,
        WHERE: "/data/runs/run-1/cluster/x",
      },
      preparation: [],
      processes: [
        {
          nodeId: "tvm-1",
          commandLine: "apt install x",
          environment: {},
          stdout: `${logs}/stdout-tvm-1.txt`,
          stderr: `${logs}/stderr-tvm-1.txt`,
        },
      ],
    });
  });

  it("names the property of a path that makes no sense", () => {
    const target = "properties.nodeSetup.setupTask.stdOutErrPathPrefix";
    expect(() => planSetupTask(context({ stdOutErrPathPrefix: "$AZ_BATCHAI_JOB_TEMP" }))).toThrow(
      expect.objectContaining({ code: "UnknownVariable", target }),
    );
  });
});
