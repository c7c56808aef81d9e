import { describe, expect, it } from "vitest";
import type { Job } from "../../src/models/job.ts";
import { hostFileOf } from "../../src/service/launch/hostFile.ts";
import { type JobLaunchContext, planJob } from "../../src/service/launch/job.ts";
import { NodeTypes } from "../../src/service/nodes/nodeTypes.ts";
import { jobContext, twoNodes } from "./context.ts";

describe("the MPI host file", () => {
  const content = (job: Partial<Job>, nodes: JobLaunchContext["nodes"], more: Partial<JobLaunchContext> = {}) =>
    planJob(jobContext({ nodeCount: nodes.length, ...job }, { nodes, ...more })).plan.files[0]?.content;
  const oneMachine = twoNodes.map((node) => ({ ...node, address: "127.0.0.1" }));

  it("names each address once, with the slots of all of its nodes", () => {
    expect(content({}, oneMachine)).toBe("127.0.0.1 slots=2\n");
    const elsewhere = { nodeId: "tvm-3", address: "10.0.0.5", tempRoot: "/data/nodes/tvm-3", gpus: [] };
    expect(content({}, [...twoNodes, elsewhere])).toBe("10.0.0.4 slots=1\n10.0.0.5 slots=2\n");
  });

  it("gives a node a slot for each of its GPUs, or else those of its VM size", () => {
    const [first, second] = twoNodes;
    const gpus = [0, 1].map((index) => ({ index, uuid: `GPU-${String(index)}` }));
    expect(content({}, [{ ...first!, gpus }, second!], { slotsWithoutGpu: 6 })).toBe(
      "10.0.0.4 slots=2\n10.0.0.5 slots=6\n",
    );
  });

  it("has room for the processes of all nodes of one machine", () => {
    const cntkSettings = { pythonScriptFilePath: "a.py", processCount: 5 };
    expect(content({ customToolkitSettings: undefined, cntkSettings }, oneMachine)).toBe("127.0.0.1 slots=6\n");
  });

  it("leaves the addresses open that only the start of the run decides", () => {
    const nodes = [
      { position: 0, address: "10.0.0.4", slots: 4 },
      { position: 1, slots: 2 },
      { position: 2, slots: 1 },
    ];
    expect(hostFileOf(nodes, 1)).toEqual([
      "10.0.0.4 slots=4\n",
      { hostName: 1 },
      " slots=2\n",
      { hostName: 2 },
      " slots=1\n",
    ]);
  });
});

describe("the VM sizes of Azure", () => {
  it.each<[string, number, number]>([
    ["STANDARD_NC6", 6, 1],
    ["Standard_NC24r", 24, 4],
    ["Standard_NC12s_v3", 12, 2],
    ["Standard_ND40rs_v2", 40, 8],
    ["Standard_NC16as_T4_v3", 16, 1],
    ["standard_nv12", 12, 2],
    ["Standard_D1", 1, 0],
    ["Standard_D3_v2", 4, 0],
    ["Standard_DS3_v2", 4, 0],
    ["Standard_D5_v2_Promo", 16, 0],
    ["Standard_D14_v2", 16, 0],
    ["Standard_D15_v2", 20, 0],
    ["Standard_D4_v3", 4, 0],
    ["Standard_D8s_v3", 8, 0],
    ["Standard_F16s", 16, 0],
    ["Standard_H16r", 16, 0],
    ["Basic_A3", 4, 0],
    ["Standard_A2_v2", 2, 0],
    ["Standard_GS5", 32, 0],
    ["local", 1, 0],
    ["Standard_X0", 1, 0],
    ["constructor", 1, 0],
  ])("%s has %i cores and %i GPUs", (vmSize, cores, gpus) => {
    const types = new NodeTypes();
    expect([types.coresOf(vmSize), types.of(vmSize).gpus, types.slotsOf(vmSize)]).toEqual([cores, gpus, gpus || cores]);
  });
});
