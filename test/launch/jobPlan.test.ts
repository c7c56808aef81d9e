import { describe, expect, it } from "vitest";
import { planJob } from "../../src/service/launch/job.ts";
import { jobContext, segment, twoNodes } from "./context.ts";

const logs = `/data/runs/run-1/mounts/logs/${segment}/stdouterr`;

describe("the plan of a job on one node", () => {
  it("sets the variables of Batch AI", () => {
    const { plan } = planJob(
      jobContext(
        {
          inputDirectories: [{ id: "DATA", path: "$AZ_BATCHAI_JOB_MOUNT_ROOT/logs/data" }],
          outputDirectories: [{ id: "MODEL", pathPrefix: "$AZ_BATCHAI_JOB_MOUNT_ROOT/logs/", pathSuffix: "models" }],
        },
        { gpusPerNode: 4 },
      ),
    );
    expect(plan.environment).toEqual({
      AZ_BATCHAI_MOUNT_ROOT: "/data/runs/run-1/cluster",
      AZ_BATCHAI_JOB_MOUNT_ROOT: "/data/runs/run-1/mounts",
      AZ_BATCHAI_INPUT_DATA: "/data/runs/run-1/mounts/logs/data",
      AZ_BATCHAI_OUTPUT_MODEL: `/data/runs/run-1/mounts/logs/${segment}/outputs/models`,
      AZ_BATCHAI_STDOUTERR_DIR: logs,
      AZ_BATCHAI_JOB_TEMP: "/data/nodes/tvm-1/run-1",
      AZ_BATCHAI_JOB_TEMP_DIR: "/data/nodes/tvm-1",
      AZ_BATCHAI_SHARED_JOB_TEMP: "/data/runs/run-1/shared",
      AZ_BATCHAI_MPI_HOST_FILE: "/data/runs/run-1/hostfile",
      AZ_BATCH_HOST_LIST: "10.0.0.4",
      AZ_BATCHAI_NUM_GPUS: "4",
    });
    expect(plan.files).toEqual([{ path: "/data/runs/run-1/hostfile", content: "10.0.0.4 slots=4\n" }]);
  });

  it("puts output where Batch AI put it", () => {
    const { plan, outputs } = planJob(
      jobContext({ outputDirectories: [{ id: "MODEL", pathPrefix: "$AZ_BATCHAI_JOB_MOUNT_ROOT/logs" }] }),
    );
    expect(outputs).toEqual({
      stdouterr: logs,
      MODEL: `/data/runs/run-1/mounts/logs/${segment}/outputs`,
    });
    expect(plan.processes).toEqual([
      {
        nodeId: "tvm-1",
        commandLine: "echo hello",
        environment: {},
        stdout: `${logs}/stdout.txt`,
        stderr: `${logs}/stderr.txt`,
      },
    ]);
    expect(plan.nodes[0]?.executionLog).toBe(`${logs}/execution.log`);
    expect(plan.mounts).toEqual([{ source: "/data/shares/acct/logs", target: "/data/runs/run-1/mounts/logs" }]);
    expect(plan.directories).toEqual([
      "/data/runs/run-1/cluster",
      "/data/runs/run-1/mounts",
      "/data/runs/run-1/shared",
      "/data/nodes/tvm-1/run-1",
      logs,
      `/data/runs/run-1/mounts/logs/${segment}/outputs`,
    ]);
  });

  it("names the output of job preparation", () => {
    const { plan } = planJob(jobContext({ jobPreparation: { commandLine: "pip install x" } }));
    expect(plan.preparation).toEqual([
      {
        nodeId: "tvm-1",
        commandLine: "pip install x",
        environment: {},
        stdout: `${logs}/stdout-job_prep.txt`,
        stderr: `${logs}/stderr-job_prep.txt`,
      },
    ]);
  });

  it("passes the container on, without its password", () => {
    const imageSourceRegistry = {
      image: "acct.azurecr.io/train:1",
      serverUrl: "acct.azurecr.io",
      credentials: { username: "u", password: "hidden" },
    };
    const { plan } = planJob(jobContext({ containerSettings: { imageSourceRegistry, shmSize: "16gb" } }));
    expect(plan.container).toEqual({
      image: "acct.azurecr.io/train:1",
      serverUrl: "acct.azurecr.io",
      username: "u",
      shmSize: "16gb",
    });
    expect(JSON.stringify(plan)).not.toContain("hidden");
  });

  it("is the same every time and survives JSON", () => {
    const { plan } = planJob(jobContext());
    expect(planJob(jobContext()).plan).toEqual(plan);
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  });
});

describe("the plan of a job on several nodes", () => {
  const context = jobContext(
    {
      nodeCount: 2,
      jobPreparation: { commandLine: "true" },
      outputDirectories: [{ id: "LOCAL", pathPrefix: "$AZ_BATCHAI_JOB_TEMP" }],
    },
    { nodes: twoNodes },
  );

  it("runs a custom command on the master only and prepares every node", () => {
    const { plan } = planJob(context);
    expect(plan.processes.map(({ nodeId }) => nodeId)).toEqual(["tvm-1"]);
    expect(plan.preparation.map(({ nodeId, stdout }) => [nodeId, stdout])).toEqual([
      ["tvm-1", `${logs}/stdout-job_prep-tvm-1.txt`],
      ["tvm-2", `${logs}/stdout-job_prep-tvm-2.txt`],
    ]);
    expect(plan.nodes.map(({ executionLog }) => executionLog)).toEqual([
      `${logs}/execution-tvm-1.log`,
      `${logs}/execution-tvm-2.log`,
    ]);
  });

  it("gives each node its own scratch directory and the paths in it", () => {
    const { plan, outputs } = planJob(context);
    expect(plan.environment.AZ_BATCHAI_JOB_TEMP).toBe("/data/nodes/tvm-1/run-1");
    expect(plan.preparation[0]?.environment).toEqual({});
    expect(plan.preparation[1]?.environment).toEqual({
      AZ_BATCHAI_JOB_TEMP: "/data/nodes/tvm-2/run-1",
      AZ_BATCHAI_JOB_TEMP_DIR: "/data/nodes/tvm-2",
      AZ_BATCHAI_OUTPUT_LOCAL: `/data/nodes/tvm-2/run-1/${segment}/outputs`,
    });
    expect(outputs.LOCAL).toBe(`/data/nodes/tvm-1/run-1/${segment}/outputs`);
    expect(plan.directories).toContain(`/data/nodes/tvm-2/run-1/${segment}/outputs`);
  });

  it("lists the hosts for MPI", () => {
    const { plan } = planJob(context);
    expect(plan.environment.AZ_BATCH_HOST_LIST).toBe("10.0.0.4,10.0.0.5");
    expect(plan.files[0]?.content).toBe("10.0.0.4 slots=1\n10.0.0.5 slots=1\n");
  });
});
