import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { BatchAIService, type BatchAIServiceOptions } from "../../src/service/index.ts";
import { openMachineGpus } from "../../src/service/nodes/machineGpus.ts";
import { silentLogger } from "../../src/service/logger.ts";
import * as answers from "./gpuAnswers.ts";
import { StandIn } from "./standIn.ts";

/** Makes a tool the only program in PATH besides those of the machine. */
function inPath(tool: StandIn): void {
  vi.stubEnv("PATH", `${tool.folder}:${process.env.PATH ?? ""}`);
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
}

async function start(options: Partial<BatchAIServiceOptions>): Promise<BatchAIService> {
  const dataDir = mkdtempSync(join(tmpdir(), "batchai-gpus-service-"));
  onTestFinished(() => {
    rmSync(dataDir, { recursive: true, force: true });
  });
  const service = await BatchAIService.start({ dataDir, mountRoot: join(dataDir, "roots"), ...options });
  onTestFinished(() => service.close());
  return service;
}

it("starts with GPUs that exist, and not with others", async () => {
  const tool = new StandIn();
  tool.answer("query", answers.linesOf([0, 1]));
  inPath(tool);
  await start({ gpus: [1] });
  await expect(start({ gpus: [2] })).rejects.toThrow(
    "GPU 2 does not exist. This machine has the GPUs 0, 1. Choose among them with --gpus (gpus).",
  );
  await expect(start({ gpus: [] })).rejects.toThrow('gpus must be "all", "none" or a list of indexes of GPUs, got [].');
  await expect(start({ gpus: [-1] })).rejects.toThrow("got [-1].");
  await expect(start({ gpuPollingIntervalInMs: 0 })).rejects.toThrow("gpuPollingIntervalInMs must be at least 1");
});

it("asks no tool if jobs get no GPUs", async () => {
  const tool = new StandIn();
  inPath(tool);
  await start({ gpus: "none" });
  expect(tool.calls()).toEqual([]);
  // Jobs do not see those that are there.
  const gpus = await openMachineGpus({ logger: silentLogger, runMarker: "M", isOwnRun: () => false, choice: "none" });
  expect(gpus.hiddenMakers()).toEqual(["nvidia", "amd"]);
});

it("has no GPUs on a machine without a tool", async () => {
  vi.stubEnv("PATH", "/nowhere");
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  const common = { logger: silentLogger, runMarker: "M", isOwnRun: () => false };
  expect((await openMachineGpus(common)).statuses()).toEqual([]);
  await expect(openMachineGpus({ ...common, choice: [0] })).rejects.toThrow(
    "GPU 0 does not exist. No GPU was found on this machine. Install nvidia-smi or rocm-smi in a folder of PATH.",
  );
});

it("starts with node types of a file, and not with a file that is not valid", async () => {
  const folder = new StandIn().folder;
  const file = join(folder, "types.json");
  writeFileSync(file, '{ "BIG": { "gpus": 4, "cores": 32, "memoryInGB": 128 } }');
  await start({ nodeTypes: file });
  writeFileSync(file, '{ "BIG": { "engine": "slurm" } }');
  await expect(start({ nodeTypes: file })).rejects.toThrow(`${file}: node type "BIG" has the unknown member "engine".`);
});
