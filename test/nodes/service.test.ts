import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { BatchAIService, type BatchAIServiceOptions } from "../../src/service/index.ts";
import { openMachineGpus } from "../../src/service/nodes/machineGpus.ts";
import { silentLogger } from "../../src/service/logger.ts";
import { ArmCaller } from "../service/arm.ts";
import { until } from "../until.ts";
import * as answers from "./gpuAnswers.ts";
import { StandIn } from "./standIn.ts";

const common = { logger: silentLogger, runMarker: "M", isOwnRun: () => false, stored: new Map<string, string>() };

/** Makes a tool the only program in PATH besides those of the machine. */
function inPath(tool: StandIn): void {
  vi.stubEnv("PATH", `${tool.folder}:${process.env.PATH ?? ""}`);
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "batchai-gpus-service-"));
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

async function start(options: Partial<BatchAIServiceOptions>, dataDir = newFolder()): Promise<BatchAIService> {
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
  const gpus = await openMachineGpus({ ...common, choice: "none" });
  expect(gpus.hiddenMakers()).toEqual(["nvidia", "amd"]);
});

it("has no GPUs on a machine without a tool", async () => {
  vi.stubEnv("PATH", "/nowhere");
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
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
  writeFileSync(file, '{ "BIG": { "speed": 1 } }');
  await expect(start({ nodeTypes: file })).rejects.toThrow(`${file}: node type "BIG" has the unknown member "speed".`);
});

/** Creates a job that writes the GPUs that it sees to a file. Returns the file. */
async function submit(arm: ArmCaller, folder: string): Promise<string> {
  const file = join(folder, "seen");
  await arm.prepare(1);
  const command = `echo "$CUDA_VISIBLE_DEVICES$ROCR_VISIBLE_DEVICES" > '${file}'`;
  await arm.expect("PUT", arm.jobPath("job"), arm.jobBody(command));
  return file;
}

const messageOf = async (arm: ArmCaller): Promise<string> => {
  const { batchai } = (await arm.job("job")) as { batchai?: { waitingFor?: { message: string } } };
  return batchai?.waitingFor?.message ?? "";
};

it.each([
  ["nvidia-smi", answers.linesOf([0]), answers.noDriver],
  ["rocm-smi", answers.rocmOld, "ERROR:root:Driver not initialized (amdgpu not found in modules)"],
] as const)("gives no GPUs to jobs until %s works, if it fails at a later start", async (name, list, failure) => {
  const tool = new StandIn(name);
  tool.answer("query", list);
  inPath(tool);
  const dataDir = newFolder();
  await (await start({}, dataDir)).close();

  tool.answer("query", failure, 9);
  const arm = new ArmCaller((await start({ gpuPollingIntervalInMs: 50 }, dataDir)).connection);
  const file = await submit(arm, tool.folder);
  await until("the job says why it waits", async () => (await messageOf(arm)).includes("GPU"));
  expect(await messageOf(arm)).toContain(
    `unhealthy (${name} ended with exit code 9 and printed: ${failure.slice(0, 40)}`,
  );
  tool.answer("query", list);
  await until("the job has run", () => existsSync(file));
  expect(readFileSync(file, "utf8")).toBe("0\n");
});

it("gives no GPUs to jobs until the tool responds, if it hangs at the first start and GPUs are chosen", async () => {
  const tool = new StandIn();
  tool.behave("query", `until [ -e go ]; do sleep 0.02; done; echo '${answers.linesOf([0])}'`);
  inPath(tool);
  const arm = new ArmCaller((await start({ gpus: [0] })).connection);
  const file = await submit(arm, tool.folder);
  await until("the job says why it waits", async () => (await messageOf(arm)).includes("GPU"));
  expect(await messageOf(arm)).toContain("GPU 0: unhealthy (nvidia-smi has not responded for 5 seconds).");
  writeFileSync(join(tool.folder, "go"), "");
  await until("the job has run", () => existsSync(file));
  expect(readFileSync(file, "utf8")).toBe("0\n");
});
