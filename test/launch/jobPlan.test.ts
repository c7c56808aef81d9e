import { describe, expect, it } from "vitest";
import { planJob } from "../../src/service/launch/job.ts";
import { defaultVariables, jobContext, segment, twoNodes } from "./context.ts";

const fourGpus = [0, 1, 2, 3].map((index) => ({ index, uuid: `GPU-${index}` }));
const logs = `/roots/j-1/mounts/logs/${segment}/stdouterr`;

describe("the plan of a job on one node", () => {
  it("sets the variables of Batch AI", () => {
    const { plan } = planJob(
      jobContext(
        {
          inputDirectories: [{ id: "DATA", path: "$AZ_BATCHAI_JOB_MOUNT_ROOT/logs/data" }],
          outputDirectories: [{ id: "MODEL", pathPrefix: "$AZ_BATCHAI_JOB_MOUNT_ROOT/logs/", pathSuffix: "models" }],
        },
        { nodes: [{ nodeId: "tvm-1", address: "10.0.0.4", tempRoot: "/data/nodes/tvm-1", gpus: fourGpus }] },
      ),
    );
    expect(plan.environment).toEqual({
      ...defaultVariables,
      AZ_BATCHAI_MOUNT_ROOT: "/roots/c-1",
      AZ_BATCHAI_JOB_MOUNT_ROOT: "/roots/j-1/mounts",
      AZ_BATCHAI_INPUT_DATA: "/roots/j-1/mounts/logs/data",
      AZ_BATCHAI_OUTPUT_MODEL: `/roots/j-1/mounts/logs/${segment}/outputs/models`,
      AZ_BATCHAI_STDOUTERR_DIR: logs,
      AZ_BATCHAI_JOB_TEMP: "/data/nodes/tvm-1/run-1",
      AZ_BATCHAI_JOB_TEMP_DIR: "/data/nodes/tvm-1",
      AZ_BATCHAI_SHARED_JOB_TEMP: "/roots/j-1/shared",
      AZ_BATCHAI_MPI_HOST_FILE: "/roots/j-1/hostfile",
      AZ_BATCH_HOST_LIST: "10.0.0.4",
      AZ_BATCHAI_NUM_GPUS: "4",
    });
    expect(plan.files).toEqual([{ path: "/roots/j-1/hostfile", content: "10.0.0.4 slots=4\n" }]);
  });

  it("leaves variables alone that the job, its secrets or its node set", () => {
    const environmentVariables = [{ name: "PYTHONUNBUFFERED", value: "" }];
    const secrets = [{ name: "OMPI_ALLOW_RUN_AS_ROOT" }];
    const nodeEnvironment = { OMPI_MCA_rmaps_base_oversubscribe: "0" };
    const { environment } = planJob(jobContext({ environmentVariables, secrets }, { nodeEnvironment })).plan;
    expect(environment).toMatchObject({ PYTHONUNBUFFERED: "", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1" });
    expect(Object.keys(environment)).not.toContain("OMPI_ALLOW_RUN_AS_ROOT");
    expect(Object.keys(environment)).not.toContain("OMPI_MCA_rmaps_base_oversubscribe");
  });

  it("puts output where Batch AI put it", () => {
    const { plan, outputs } = planJob(
      jobContext({ outputDirectories: [{ id: "MODEL", pathPrefix: "$AZ_BATCHAI_JOB_MOUNT_ROOT/logs" }] }),
    );
    expect(outputs).toEqual({
      stdouterr: logs,
      MODEL: `/roots/j-1/mounts/logs/${segment}/outputs`,
    });
    expect(plan.processes).toEqual([
      {
        name: "the job",
        nodeId: "tvm-1",
        commandLine: "echo hello",
        environment: {},
        stdout: `${logs}/stdout.txt`,
        stderr: `${logs}/stderr.txt`,
      },
    ]);
    expect(plan.nodes[0]?.executionLog).toBe(`${logs}/execution.log`);
    expect(plan.mounts).toEqual([{ source: "/data/shares/acct/logs", target: "/roots/j-1/mounts/logs" }]);
    expect(plan.directories).toEqual([
      "/roots/c-1",
      "/roots/j-1/mounts",
      "/roots/j-1/shared",
      "/data/nodes/tvm-1/run-1",
      logs,
      `/roots/j-1/mounts/logs/${segment}/outputs`,
    ]);
  });

  it("names the output of job preparation", () => {
    const { plan } = planJob(jobContext({ jobPreparation: { commandLine: "pip install x" } }));
    expect(plan.preparation).toEqual([
      {
        name: "job preparation",
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

  it("leaves addresses open that only the start decides, also in the user's variables", () => {
    const nodes = twoNodes.map(({ address: _, ...node }) => node);
    const environmentVariables = [{ name: "FIRST", value: "of $AZ_BATCH_HOST_LIST" }];
    const { plan } = planJob(jobContext({ nodeCount: 2, environmentVariables }, { nodes }));
    expect(plan.environment.AZ_BATCH_HOST_LIST).toEqual([{ hostName: 0 }, ",", { hostName: 1 }]);
    expect(plan.environment.FIRST).toEqual(["of ", { hostName: 0 }, ",", { hostName: 1 }]);
    expect(plan.nodes.map((node) => "address" in node)).toEqual([false, false]);
    const pathSuffix = "$AZ_BATCH_HOST_LIST";
    const outputDirectories = [{ id: "M", pathPrefix: "$AZ_BATCHAI_JOB_MOUNT_ROOT/logs", pathSuffix }];
    expect(() => planJob(jobContext({ nodeCount: 2, outputDirectories }, { nodes }))).toThrow(
      /AZ_BATCH_HOST_LIST, whose value is known only when the job starts/,
    );
  });
});

describe("the variables of the service", () => {
  it("give each node a home of its own, and never replace those of the job, its toolkit or its secrets", () => {
    const serviceVariables = { jobEnvironment: { PROXY: "http://p", HIDDEN: "no", TEXT: "$HOME" }, privateHome: true };
    const secrets = [{ name: "HIDDEN" }];
    const { plan } = planJob(
      jobContext(
        { nodeCount: 2, secrets, jobPreparation: { commandLine: "true" } },
        { nodes: twoNodes, serviceVariables },
      ),
    );
    const homes = ["/data/nodes/tvm-1/run-1/home", "/data/nodes/tvm-2/run-1/home"];
    expect(plan.environment).toMatchObject({ PROXY: "http://p", TEXT: "$HOME", HOME: homes[0] });
    expect(plan.environment).not.toHaveProperty("HIDDEN");
    expect(plan.preparation.map(({ environment }) => environment.HOME)).toEqual([undefined, homes[1]]);
    expect(plan.directories).toEqual(expect.arrayContaining(homes));
  });
});
