import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { clusterBody } from "./arm.ts";
import { withFolder } from "./serviceProcess.ts";
import { FakeGpus, uuidOf } from "./fakeGpus.ts";
import { GpuService, withGpus } from "./gpuService.ts";

const names = (count: number): string[] => Array.from({ length: count }, (_, number) => `job${String(number)}`);

describe("eight GPUs", () => {
  it("go to eight jobs; the ninth waits and says who holds them; a restart changes nothing", async () => {
    await withFolder(async (folder) => {
      const first = await GpuService.start(folder, new FakeGpus(8));
      await first.cluster("ones", "GPU1", 9, 8);
      for (const name of names(8)) await first.submit(name, "ones");
      const variables = await Promise.all(names(8).map((name) => first.running(name)));
      expect(variables.map(({ CUDA_VISIBLE_DEVICES: list }) => list).sort()).toEqual([
        "0",
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
        "7",
      ]);
      for (const { CUDA_DEVICE_ORDER, AZ_BATCHAI_NUM_GPUS } of variables) {
        expect({ CUDA_DEVICE_ORDER, AZ_BATCHAI_NUM_GPUS }).toEqual({
          CUDA_DEVICE_ORDER: "PCI_BUS_ID",
          AZ_BATCHAI_NUM_GPUS: "1",
        });
      }
      const held = await Promise.all(names(8).map((name) => first.gpusOf(name)));
      expect(new Set(held.flat().map(({ uuid }) => uuid))).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7].map(uuidOf)));
      for (const [job, [gpu]] of held.entries()) expect(variables[job]?.CUDA_VISIBLE_DEVICES).toBe(String(gpu?.index));

      await first.submit("ninth", "ones");
      const { code, message, position } = await first.reason("ninth", /GPU/);
      expect({ code, position }).toEqual({ code: "NotEnoughGpus", position: 1 });
      expect(message).toMatch(
        /^The job needs 1 GPU, and no GPU of this machine is free\. GPU 0: held by the job work\/exp\/job\d\./,
      );
      expect(await first.usage()).toEqual({ currentValue: 8, limit: 8 });
      await first.service.close();

      const second = await GpuService.start(folder, new FakeGpus(8));
      expect(await Promise.all(names(8).map((name) => second.gpusOf(name)))).toEqual(held);
      expect((await second.details("ninth")).waitingFor).toMatchObject({ code: "NotEnoughGpus" });
      await second.finish("job3");
      await second.running("ninth");
      expect(await second.gpusOf("ninth")).toEqual(held[3]);
      expect(await second.details("job3")).toEqual({});
      for (const name of ["ninth", ...names(8)]) await second.finish(name);
      expect(await second.usage()).toEqual({ currentValue: 0, limit: 8 });
      expect(await second.service.arm.job("ninth")).not.toHaveProperty("batchai");
      expect(second.gpus.looks).toBeGreaterThan(0);
      await second.close();
    });
  });

  it("go to a job on two nodes with four each", async () => {
    await withGpus(8, async (gpus) => {
      await gpus.cluster("fours", "GPU4", 2);
      await gpus.submit("job", "fours", { nodeCount: 2 });
      const { CUDA_VISIBLE_DEVICES, AZ_BATCHAI_NUM_GPUS } = await gpus.running("job");
      expect({ CUDA_VISIBLE_DEVICES, AZ_BATCHAI_NUM_GPUS }).toEqual({
        CUDA_VISIBLE_DEVICES: "0,1,2,3,4,5,6,7",
        AZ_BATCHAI_NUM_GPUS: "4",
      });
      const { nodes } = await gpus.details("job");
      const gpusAt = (...indexes: number[]) => indexes.map((index) => ({ index, uuid: uuidOf(index) }));
      expect(nodes).toEqual([
        { nodeId: expect.stringMatching(/^tvm-\d+_1-/) as string, address: "127.0.0.1", gpus: gpusAt(0, 1, 2, 3) },
        { nodeId: expect.stringMatching(/^tvm-\d+_2-/) as string, address: "127.0.0.1", gpus: gpusAt(4, 5, 6, 7) },
      ]);
    });
  });

  it("show each process the GPUs of its own node if the service starts one on each", async () => {
    await withGpus(4, async (gpus) => {
      await gpus.cluster("twos", "GPU2", 2);
      const script = join(gpus.folder, "rank.sh");
      await writeFile(script, `echo "$CUDA_VISIBLE_DEVICES" > '${gpus.folder}'/rank$AZ_BATCHAI_TASK_INDEX`);
      const pyTorchSettings = {
        pythonScriptFilePath: script,
        pythonInterpreterPath: "/bin/bash",
        communicationBackend: "gloo",
        processCount: 4,
      };
      await gpus.submit("job", "twos", { nodeCount: 2, customToolkitSettings: undefined, pyTorchSettings });
      expect(await gpus.service.ended("job")).toMatchObject({ executionState: "succeeded" });
      const ranks = [0, 1, 2, 3].map((rank) => readFileSync(join(gpus.folder, `rank${String(rank)}`), "utf8"));
      expect(ranks).toEqual(["0,1\n", "0,1\n", "2,3\n", "2,3\n"]);
    });
  });
});

describe("jobs without GPUs", () => {
  it("see none on a machine with GPUs, nor do setup tasks", async () => {
    await withGpus(2, async (gpus) => {
      const setupTask = {
        commandLine: 'echo "[$CUDA_VISIBLE_DEVICES]" > $AZ_BATCHAI_MOUNT_ROOT/setup',
        stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT",
      };
      await gpus.service.arm.prepare(1, { vmSize: "GPU2", nodeSetup: { setupTask } });
      await gpus.steady("nodes", 1);
      await gpus.cluster("plain", "GPU0", 1);
      await gpus.submit("job", "plain");
      expect(await gpus.running("job")).toMatchObject({ CUDA_VISIBLE_DEVICES: "", AZ_BATCHAI_NUM_GPUS: "0" });
      expect(await gpus.details("job")).toEqual({});
      await gpus.service.create("reader", 'grep -qxF "[]" $AZ_BATCHAI_MOUNT_ROOT/setup');
      expect(await gpus.service.ended("reader")).toMatchObject({ executionState: "succeeded" });
    });
  });
});

describe("a machine without GPUs", () => {
  it("behaves as if types had none", async () => {
    await withGpus(0, async (gpus) => {
      await gpus.cluster("fours", "GPU4", 3);
      const cluster = await gpus.clusterProperties("fours");
      expect(cluster).not.toHaveProperty("errors");
      expect(cluster).not.toHaveProperty("batchai");
      await gpus.submit("job", "fours", { nodeCount: 3 });
      const variables = await gpus.running("job");
      expect(variables).not.toHaveProperty("CUDA_VISIBLE_DEVICES");
      expect(variables.AZ_BATCHAI_NUM_GPUS).toBe("0");
      expect(await gpus.details("job")).toEqual({});
      expect(await gpus.usage()).toEqual({ currentValue: undefined, limit: undefined });
    });
  });
});

describe("jobs of several clusters", () => {
  it("get GPUs by priority and age, so that a large job is not starved", async () => {
    await withGpus(4, async (gpus) => {
      await gpus.cluster("ones", "GPU1", 4);
      await gpus.cluster("fours", "GPU4", 1);
      await gpus.submit("small1", "ones");
      await gpus.submit("small2", "ones");
      await Promise.all(["small1", "small2"].map((name) => gpus.running(name)));
      await gpus.submit("large", "fours");
      await gpus.reason(
        "large",
        /^The job needs 4 GPUs, and 2 of the 4 GPUs of this machine are free\. GPU 0: held by/,
      );
      await gpus.submit("small3", "ones");
      const { code, message } = await gpus.reason("small3", /comes first/);
      expect({ code, message }).toEqual({
        code: "NotEnoughGpus",
        message:
          "The job needs 1 GPU, and 2 GPUs are free, but the job work/exp/large comes first and waits for GPUs too.",
      });
      await gpus.submit("urgent", "ones", { schedulingPriority: "high" });
      await gpus.running("urgent");
      for (const name of ["small1", "small2"]) await gpus.finish(name);
      expect(await gpus.service.state("small3")).toBe("queued");
      await gpus.finish("urgent");
      await gpus.running("large");
      expect(await gpus.service.state("small3")).toBe("queued");
      await gpus.finish("large");
      await gpus.running("small3");
    });
  });

  it("go on when the job that comes first is terminated", async () => {
    await withGpus(2, async (gpus) => {
      await gpus.cluster("ones", "GPU1", 2);
      await gpus.cluster("twos", "GPU2", 1);
      await gpus.submit("holder", "ones");
      await gpus.running("holder");
      await gpus.submit("large", "twos");
      await gpus.submit("small", "ones");
      await gpus.reason("small", /large comes first/);
      await gpus.terminate("large");
      await gpus.running("small");
    });
  });
});

describe("GPUs that cannot be given out", () => {
  it("are named in the reasons, and delay no job that does not need them", async () => {
    await withGpus(4, async (gpus, machine) => {
      await gpus.cluster("fours", "GPU4", 1);
      await gpus.cluster("ones", "GPU1", 2);
      machine.set(1, { outsideProcesses: [{ pid: 4711, user: "alice" }] });
      await gpus.submit("large", "fours");
      const busy = await gpus.reason("large", /alice/);
      expect(busy).not.toHaveProperty("position");
      expect(busy.message).toBe(
        "The job needs 4 GPUs, and 3 of the 4 GPUs of this machine are free. " +
          "GPU 1: used by process 4711 of alice outside the service.",
      );
      for (const name of ["small1", "small2"]) await gpus.submit(name, "ones");
      for (const name of ["small1", "small2"]) await gpus.running(name);
      expect([await gpus.indexesOf("small1"), await gpus.indexesOf("small2")]).toEqual([[0], [2]]);
      machine.set(1, { unhealthy: "The GPU has fallen off the bus." });
      expect((await gpus.reason("large", /unhealthy/)).message).toBe(
        "The job needs 4 GPUs, and 3 of the 4 GPUs of this machine are usable. " +
          "GPU 1: unhealthy (The GPU has fallen off the bus). " +
          "Create the job on a cluster whose vmSize has fewer GPUs.",
      );
      machine.set(1, {});
      for (const name of ["small1", "small2"]) await gpus.finish(name);
      await gpus.running("large");
    });
  });

  it("stay with the job that has them", async () => {
    await withGpus(1, async (gpus, machine) => {
      await gpus.cluster("ones", "GPU1", 1);
      await gpus.submit("job", "ones");
      await gpus.running("job");
      machine.set(0, { unhealthy: "ECC errors" });
      await gpus.submit("next", "ones");
      await gpus.reason("next", /this machine are usable. GPU 0: unhealthy \(ECC errors\)/);
      expect(await gpus.indexesOf("job")).toEqual([0]);
      expect(await gpus.usage()).toEqual({ currentValue: 1, limit: 0 });
      await gpus.finish("job");
      machine.set(0, {});
      await gpus.running("next");
    });
  });
});

describe("a cluster that is larger than the machine", () => {
  it("is steady and says what is missing, and grows when GPUs appear", async () => {
    await withGpus(3, async (gpus, machine) => {
      await gpus.cluster("twos", "GPU2", 3, 1);
      const message =
        "2 nodes of the cluster cannot be added: a node of the size GPU2 needs 2 GPUs, and this machine has 3 GPUs. " +
        "The usable GPUs are enough for 1 node. The service adds the nodes as soon as the machine has enough usable GPUs.";
      expect(await gpus.clusterProperties("twos")).toMatchObject({
        allocationState: "steady",
        errors: [{ code: "NotEnoughGpus", message }],
        batchai: { missingNodes: { count: 2, code: "NotEnoughGpus", message } },
      });
      await gpus.submit("job", "twos", { nodeCount: 2 });
      const { code } = await gpus.reason(
        "job",
        /2 nodes with 2 GPUs each, 4 GPUs together, and this machine has 3 GPUs/,
      );
      expect(code).toBe("NotEnoughGpus");
      machine.resize(4);
      await gpus.steady("twos", 2);
      await gpus.running("job");
      machine.resize(8);
      await gpus.steady("twos", 3);
      expect(await gpus.clusterProperties("twos")).not.toHaveProperty("errors");
      machine.set(0, { unhealthy: "gone" });
      machine.set(3, { unhealthy: "gone" });
      machine.set(4, { unhealthy: "gone" });
      await gpus.submit("other", "twos");
      await gpus.running("other");
      await gpus.steady("twos", 3);
    });
  });

  it("is steady too if it scales automatically, and gives up its nodes when they are idle", async () => {
    await withGpus(2, async (gpus, machine) => {
      await gpus.service.arm.prepare(0);
      const scaleSettings = { autoScale: { minimumNodeCount: 0, maximumNodeCount: 4 } };
      await gpus.service.arm.expect("PUT", gpus.pathOf("auto"), clusterBody(0, { vmSize: "GPU1", scaleSettings }));
      for (const name of names(4)) await gpus.submit(name, "auto");
      await gpus.steady("auto", 2);
      expect(await gpus.clusterProperties("auto")).toMatchObject({
        batchai: { missingNodes: { count: 2, code: "NotEnoughGpus" } },
      });
      for (const name of names(2)) await gpus.running(name);
      machine.resize(3);
      await gpus.running("job2");
      await gpus.steady("auto", 3);
      for (const name of names(4)) await gpus.finish(name);
      expect(await gpus.clusterProperties("auto")).not.toHaveProperty("errors");
    });
  });
});

describe("GPUs are free again", () => {
  it("after a job is terminated or deleted, or its cluster is", async () => {
    await withGpus(2, async (gpus) => {
      await gpus.cluster("twos", "GPU2", 1);
      await gpus.cluster("others", "GPU2", 1);
      const jobPath = (name: string): string => gpus.service.arm.jobPath(name);
      await gpus.submit("terminated", "twos");
      await gpus.submit("deleted", "others");
      await gpus.submit("clusterDeleted", "twos");
      await gpus.submit("last", "others");
      await gpus.running("terminated");
      await gpus.terminate("terminated");
      await gpus.running("deleted");
      await gpus.service.arm.expect("DELETE", jobPath("deleted"));
      await gpus.running("clusterDeleted");
      await gpus.service.arm.expect("DELETE", gpus.pathOf("twos"));
      await gpus.running("last");
      await gpus.finish("last");
      expect(await gpus.usage()).toEqual({ currentValue: 0, limit: 2 });
    });
  });

  it("after a job is queued again because its node was removed", async () => {
    await withGpus(2, async (gpus) => {
      await gpus.cluster("ones", "GPU1", 1);
      await gpus.cluster("twos", "GPU2", 1);
      await gpus.submit("job", "ones");
      await gpus.running("job");
      await gpus.submit("large", "twos", { schedulingPriority: "high" });
      await gpus.reason("large", /held by the job work\/exp\/job/);
      const scaleSettings = { manual: { targetNodeCount: 0 } };
      await gpus.service.arm.expect("PATCH", gpus.pathOf("ones"), { properties: { scaleSettings } });
      await gpus.running("large");
      expect(await gpus.service.state("job")).toBe("queued");
      expect((await gpus.details("job")).waitingFor).toMatchObject({ code: "ClusterTooSmall" });
    });
  });
});
