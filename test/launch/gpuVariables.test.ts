import { describe, expect, it } from "vitest";
import type { Job } from "../../src/models/job.ts";
import type { GpuMaker, LaunchGpu, LaunchPlan } from "../../src/service/engines/engine.ts";
import { planJob } from "../../src/service/launch/job.ts";
import { jobLaunchIssues } from "../../src/service/launch/launchIssues.ts";
import { planSetupTask } from "../../src/service/launch/setupTask.ts";
import { jobContext } from "./context.ts";

const gpu = (index: number, more: Partial<LaunchGpu> = {}): LaunchGpu => ({
  index,
  uuid: `GPU-${String(index)}`,
  ...more,
});
const nvidia: readonly GpuMaker[] = ["nvidia"];

/** Plans a job on nodes of one machine with these GPUs each. */
function planOn(gpus: readonly (readonly LaunchGpu[])[], job: Partial<Job> = {}, hiddenMakers = nvidia): LaunchPlan {
  const nodes = gpus.map((ofNode, position) => ({
    nodeId: `tvm-${String(position + 1)}`,
    address: "127.0.0.1",
    tempRoot: `/data/nodes/tvm-${String(position + 1)}`,
    gpus: ofNode,
  }));
  return planJob(jobContext({ nodeCount: nodes.length, ...job }, { nodes, hiddenMakers })).plan;
}

/** Returns a variable as each process of a plan sees it. */
function seen({ environment, processes }: LaunchPlan, name = "CUDA_VISIBLE_DEVICES"): unknown[] {
  return processes.map((process) => process.environment[name] ?? environment[name]);
}

const withVariable = (value: string): Partial<Job> => ({
  environmentVariables: [{ name: "CUDA_VISIBLE_DEVICES", value }],
});
const container = { containerSettings: { imageSourceRegistry: { image: "cuda" } } };
const gloo = {
  customToolkitSettings: undefined,
  pyTorchSettings: { pythonScriptFilePath: "a.py", communicationBackend: "gloo", processCount: 2 },
};

describe("the variables by which programs find GPUs", () => {
  it("are the indexes on the machine, in the order of the PCI buses", () => {
    const plan = planOn([[gpu(2), gpu(5)]]);
    expect(seen(plan)).toEqual(["2,5"]);
    expect(seen(plan, "CUDA_DEVICE_ORDER")).toEqual(["PCI_BUS_ID"]);
    expect(seen(plan, "ROCR_VISIBLE_DEVICES")).toEqual([undefined]);
    expect(seen(plan, "AZ_BATCHAI_NUM_GPUS")).toEqual(["2"]);
  });

  it("are the positions in a container, which numbers its GPUs anew", () => {
    expect(seen(planOn([[gpu(2)], [gpu(1), gpu(7)]], { ...container, ...gloo }))).toEqual(["1", "0,2"]);
    expect(seen(planOn([[gpu(2)], [gpu(1), gpu(7)]], container))).toEqual(["1,0,2"]);
  });

  it("are UUIDs if a GPU is a part of one", () => {
    const parts = [gpu(0, { uuid: "MIG-a", isPart: true }), gpu(0, { uuid: "MIG-b", isPart: true })];
    expect(seen(planOn([parts]))).toEqual(["MIG-a,MIG-b"]);
    expect(seen(planOn([parts, [gpu(1)]], gloo))).toEqual(["MIG-a,MIG-b", "GPU-1"]);
  });

  it("are those of its own node for each process of the service, and all for what may start others", () => {
    const nodes = [
      [gpu(4), gpu(5)],
      [gpu(0), gpu(1)],
    ];
    expect(seen(planOn(nodes, gloo))).toEqual(["4,5", "0,1"]);
    expect(seen(planOn(nodes))).toEqual(["4,5,0,1"]);
    const horovodSettings = { pythonScriptFilePath: "a.py" };
    expect(seen(planOn(nodes, { customToolkitSettings: undefined, horovodSettings }))).toEqual(["4,5,0,1"]);
    const { preparation, environment } = planOn(nodes, { jobPreparation: { commandLine: "true" } });
    const prepared = preparation.map((process) => ({ ...environment, ...process.environment }).CUDA_VISIBLE_DEVICES);
    expect(prepared).toEqual(["4,5", "0,1"]);
  });

  it("are empty without GPUs, and missing on a machine that has none", () => {
    expect(seen(planOn([[]]))).toEqual([""]);
    expect(seen(planOn([[]], {}, []))).toEqual([undefined]);
    const node = { nodeId: "tvm-1", address: "127.0.0.1", tempRoot: "/data/nodes/tvm-1", gpus: [] };
    const setupTask = { commandLine: "true", stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT" };
    const run = { runId: "run-1", runDirectory: "/data/runs/run-1", clusterMountRoot: "/roots/c-1" };
    expect(seen(planSetupTask({ ...run, setupTask, node, hiddenMakers: nvidia }))).toEqual([""]);
  });

  it("are others for AMD", () => {
    const amd = [0, 1].map((index) => gpu(index, { vendor: "amd" }));
    const plan = planOn([amd.slice(1)], {}, ["amd"]);
    expect(seen(plan, "ROCR_VISIBLE_DEVICES")).toEqual(["1"]);
    expect(seen(plan)).toEqual([undefined]);
    expect(seen(planOn([[]], {}, ["amd"]), "ROCR_VISIBLE_DEVICES")).toEqual([""]);
  });
});

describe("the list of a job's own", () => {
  it.each([
    ["0", "4"],
    ["1,0", "5,4"],
    [" 1 , 0 ", "5,4"],
    ["1,2,0", "5"],
    ["", ""],
    ["-1", ""],
    ["0,-1,1", "4"],
  ])("%j means positions on the node", (written, translated) => {
    expect(seen(planOn([[gpu(4), gpu(5)]], withVariable(written)))).toEqual([translated]);
  });

  it("means positions on each node", () => {
    const nodes = [
      [gpu(4), gpu(5)],
      [gpu(0), gpu(1)],
    ];
    expect(seen(planOn(nodes, withVariable("1")))).toEqual(["5,1"]);
    expect(seen(planOn(nodes, { ...gloo, ...withVariable("1") }))).toEqual(["5", "1"]);
  });

  it.each(["all", "GPU-4", "0,GPU-5", "0-1", "$UNKNOWN"])("is refused if it is %s", (value) => {
    expect(() => planOn([[gpu(4)]], withVariable(value))).toThrow(/CUDA_VISIBLE_DEVICES must be a list of positions/);
    const { job } = jobContext({ ...withVariable(value), stdOutErrPathPrefix: "$AZ_BATCHAI_JOB_TEMP_DIR" });
    const mountPaths = { cluster: [], job: [] };
    const issue = { path: "properties.environmentVariables" };
    expect(jobLaunchIssues(job, mountPaths, "/check", nvidia)).toMatchObject([issue]);
    expect(jobLaunchIssues(job, mountPaths, "/check")).toEqual([]);
  });

  it("is no secret", () => {
    const secrets = [{ name: "CUDA_VISIBLE_DEVICES", value: "0" }];
    expect(() => planOn([[gpu(4)]], { secrets })).toThrow(/CUDA_VISIBLE_DEVICES cannot be a secret/);
  });

  it("reaches the job unchanged on a machine without GPUs", () => {
    expect(seen(planOn([[]], withVariable("GPU-4"), []))).toEqual(["GPU-4"]);
  });

  it("is the value for other variables of the job", () => {
    const environmentVariables = [
      { name: "LIST", value: "<$CUDA_VISIBLE_DEVICES>" },
      { name: "CUDA_VISIBLE_DEVICES", value: "0" },
    ];
    expect(seen(planOn([[gpu(4), gpu(5)]], { environmentVariables }), "LIST")).toEqual(["<4>"]);
  });
});

describe("the limits of a job", () => {
  it("are in its plan", () => {
    expect(planJob(jobContext({}, { limits: { cores: 2 } })).plan.limits).toEqual({ cores: 2 });
    expect(planJob(jobContext()).plan).not.toHaveProperty("limits");
  });
});
