import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { silentLogger } from "../../src/service/logger.ts";
import type { GpuInventory } from "../../src/service/nodes/gpuInventory.ts";
import type { MachineGpus } from "../../src/service/nodes/gpus.ts";
import { openMachineGpus, type MachineGpusOptions } from "../../src/service/nodes/machineGpus.ts";
import { until } from "../until.ts";
import * as answers from "./gpuAnswers.ts";
import { StandIn } from "./standIn.ts";

const indexes = (gpus: MachineGpus) => gpus.statuses().map(({ gpu }) => gpu.index);
const uuids = (gpus: MachineGpus) => gpus.statuses().map(({ gpu }) => gpu.uuid);
const reasons = (gpus: MachineGpus) => gpus.statuses().map(({ unhealthy }) => unhealthy);
const unloaded = `nvidia-smi ended with exit code 9 and printed: ${answers.noDriver}`;

/** Lets a service find some of the eight GPUs, and ends it. */
async function found(positions: readonly number[]): Promise<StandIn> {
  const tool = new StandIn();
  tool.answer("query", answers.linesOf(positions));
  (await tool.watch()).close();
  return tool;
}

/** Starts a later service while the driver does not work. */
async function withoutDriver(tool: StandIn, options: Parameters<StandIn["watch"]>[0] = {}): Promise<GpuInventory> {
  tool.answer("query", answers.noDriver, 9);
  return await tool.watch(options);
}

describe("GPUs that an earlier service has found", () => {
  it("are unhealthy while neither the tool nor the driver works, and healthy as soon as the tool lists them", async () => {
    const tool = await found([0, 1]);
    const gpus = await withoutDriver(tool);
    expect(reasons(gpus)).toEqual([unloaded, unloaded]);
    expect(indexes(gpus)).toEqual([0, 1]);
    expect(gpus.hiddenMakers()).toEqual(["nvidia"]);
    tool.answer("query", answers.linesOf([0, 1]));
    await until("they are healthy", () => reasons(gpus).every((reason) => reason === undefined));
    expect(indexes(gpus)).toEqual([0, 1]);
  });

  it("are unhealthy while the tool hangs", async () => {
    const tool = await found([0]);
    tool.behave("query", "exec sleep 600");
    const gpus = await tool.watch({ patienceInMs: 100 });
    expect(reasons(gpus)).toEqual(["nvidia-smi has not responded for 0.1 seconds."]);
  });

  it("of AMD are remembered too", async () => {
    const tool = new StandIn("rocm-smi");
    tool.answer("query", answers.rocmOld);
    (await tool.watch()).close();
    tool.answer("query", "ERROR:root:Driver not initialized (amdgpu not found in modules)", 1);
    const gpus = await tool.watch();
    expect(indexes(gpus)).toEqual([0, 1]);
    expect(reasons(gpus)[0]).toContain("Driver not initialized");
    expect(gpus.hiddenMakers()).toEqual(["amd"]);
  });

  it("are remembered as parts if MIG is on, although the driver names the whole", async () => {
    const tool = new StandIn();
    tool.answer("query", answers.migQuery);
    tool.answer("parts", answers.migList);
    const before = await tool.watch();
    before.close();
    tool.install([["GPU-513536b6-7d19-9063-b049-1e69664bb298", "00000000:07:00.0"]]);
    const gpus = await withoutDriver(tool);
    expect(gpus.statuses().map(({ gpu }) => gpu)).toEqual(before.statuses().map(({ gpu }) => gpu));
  });

  it("are replaced by those that the driver names in their places", async () => {
    const tool = await found([0, 1]);
    const [, [, bus]] = answers.eightCards;
    tool.install([["GPU-11111111", bus]]);
    expect(uuids(await withoutDriver(tool))).toEqual([answers.eightUuids[0], "GPU-11111111"]);
  });

  it("are replaced as soon as the tool lists GPUs, also for the next start", async () => {
    const tool = await found([0, 1, 2]);
    const gpus = await withoutDriver(tool, { choice: [0] });
    expect(uuids(gpus)).toEqual([answers.eightUuids[0]]);
    tool.answer("query", answers.renumberedLinesOf([2]));
    await until("another GPU has its index", () => uuids(gpus)[0] === answers.eightUuids[2]);
    expect(indexes(gpus)).toEqual([0]);
    gpus.close();
    expect(uuids(await withoutDriver(tool))).toEqual([answers.eightUuids[2]]);
  });

  it("stay if the tool works but lists none: it may have lost them", async () => {
    const tool = await found([0, 1]);
    tool.answer("query", answers.noDevices, 6);
    for (const start of ["second", "third"]) {
      const gpus = await tool.watch();
      expect(reasons(gpus), start).toEqual(Array<string>(2).fill("nvidia-smi no longer lists it."));
      gpus.close();
    }
  });

  it("stay if the tool fails after it has listed some", async () => {
    const tool = await found([0, 1, 2]);
    tool.answer("query", answers.linesOf([2]), 15);
    const second = await tool.watch({ choice: [0, 2] });
    const incomplete = "nvidia-smi ended with exit code 15, so its list of GPUs may be incomplete.";
    expect(reasons(second)).toEqual([incomplete, undefined]);
    expect(indexes(second)).toEqual([0, 2]);
    second.close();
    expect(uuids(await withoutDriver(tool))).toEqual(answers.eightUuids.slice(0, 3));
  });

  it("are remembered too if they were lost", async () => {
    const tool = await found([0, 1, 2]);
    tool.answer("query", `${answers.linesOf([0, 1])}\n${answers.lostCard}`, 255);
    const second = await tool.watch();
    expect(reasons(second)).toEqual([undefined, undefined, `nvidia-smi says: ${answers.lostCard}.`]);
    second.close();
    expect(indexes(await withoutDriver(tool))).toEqual([0, 1, 2]);
  });

  it("are shown although they cannot be stored", async () => {
    const tool = new StandIn();
    tool.answer("query", answers.linesOf([0]));
    tool.stored.set = () => {
      throw new Error("database or disk is full");
    };
    expect(reasons(await tool.watch())).toEqual([undefined]);
    expect(tool.log).toContain("failed to store the GPUs of this machine");
  });
});

describe("a machine that has never had GPUs", () => {
  it("has none, although a tool is installed and fails", async () => {
    const gpus = await withoutDriver(new StandIn());
    expect(gpus.statuses()).toEqual([]);
    expect(gpus.hiddenMakers()).toEqual([]);
  });
});

describe("a machine that had GPUs and has no tool", () => {
  async function open(tool: StandIn, path: string, more: Partial<MachineGpusOptions> = {}): Promise<MachineGpus> {
    vi.stubEnv("PATH", path);
    const driverFolders = { nvidia: join(tool.folder, "driver"), amd: join(tool.folder, "no such driver") };
    const common = { logger: silentLogger, runMarker: "M", isOwnRun: () => false, stored: tool.stored, driverFolders };
    const gpus = await openMachineGpus({ ...common, intervalInMs: 20, ...more });
    onTestFinished(() => {
      vi.unstubAllEnvs();
      gpus.close();
    });
    return gpus;
  }

  it("keeps them while it has their driver, and uses the tool when it is back", async () => {
    const path = process.env.PATH ?? "";
    const tool = await found([0]);
    mkdirSync(join(tool.folder, "driver"));
    const gpus = await open(tool, "/nowhere");
    expect(reasons(gpus)).toEqual(["nvidia-smi could not be started: the program does not exist."]);
    vi.stubEnv("PATH", `${tool.folder}:${path}`);
    tool.answer("query", answers.linesOf([0]));
    await until("it is healthy", () => reasons(gpus)[0] === undefined);
  });

  it("has none if the driver is gone too, also at the next start", async () => {
    const tool = await found([0]);
    expect((await open(tool, "/nowhere")).statuses()).toEqual([]);
    vi.unstubAllEnvs();
    expect((await withoutDriver(tool)).statuses()).toEqual([]);
  });

  it("has none if only the tool of another maker exists", async () => {
    const tool = await found([0]);
    const other = join(tool.folder, "other");
    mkdirSync(other);
    writeFileSync(join(other, "rocm-smi"), "#!/bin/bash\nexit 1\n", { mode: 0o755 });
    expect((await open(tool, other)).statuses()).toEqual([]);
  });

  it("forgets them if the service starts without GPUs", async () => {
    const tool = await found([0]);
    mkdirSync(join(tool.folder, "driver"));
    await open(tool, "/nowhere", { choice: "none" });
    vi.unstubAllEnvs();
    expect((await withoutDriver(tool)).statuses()).toEqual([]);
  });
});
