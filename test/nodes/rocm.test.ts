import { expect, it } from "vitest";
import { until } from "../until.ts";
import * as answers from "./gpuAnswers.ts";
import { StandIn } from "./standIn.ts";

const [first, second] = ["GPU-1f9de0957d137942", "GPU-ff4251c4d1cac80c"];

it("finds AMD's GPUs with rocm-smi, in the order of their PCI bus IDs", async () => {
  const tool = new StandIn("rocm-smi");
  tool.answer("query", answers.rocmOld);
  const gpus = await tool.watch();
  const more = { name: "AMD INSTINCT MI200 (MCM) OAM LC MBA HPE C2", vendor: "amd", memoryInBytes: 68_702_699_520 };
  expect(gpus.statuses()).toEqual([
    { gpu: { index: 0, uuid: first, ...more }, outsideProcesses: [] },
    { gpu: { index: 1, uuid: second, ...more }, outsideProcesses: [] },
  ]);
});

it("numbers AMD's GPUs as ROCm does, if the tool shows their nodes", async () => {
  const tool = new StandIn("rocm-smi");
  tool.answer("query", answers.rocmNew);
  const gpus = await tool.watch();
  expect(gpus.statuses().map(({ gpu }) => gpu.uuid)).toEqual([second, first]);
});

it("finds a GPU without a unique ID by its PCI bus ID", async () => {
  const tool = new StandIn("rocm-smi");
  tool.answer("query", answers.rocmIntegrated);
  const gpus = await tool.watch();
  expect(gpus.statuses()[0]?.gpu).toEqual({ index: 0, uuid: "PCI-0000:C4:00.0", name: "Phoenix3", vendor: "amd" });
});

it("finds the processes that use AMD's GPUs", async () => {
  const tool = new StandIn("rocm-smi");
  tool.answer("query", answers.rocmOld);
  const pid = String(process.pid);
  tool.answer("processes", answers.rocmProcesses(pid));
  const gpus = await tool.watch();
  expect(gpus.statuses().map(({ outsideProcesses }) => outsideProcesses.map((outside) => outside.pid))).toEqual([
    [process.pid],
    [process.pid],
  ]);
});

it("reports what rocm-smi prints if it is no list", async () => {
  const tool = new StandIn("rocm-smi");
  tool.answer("query", answers.rocmOld);
  const gpus = await tool.watch();
  tool.answer("query", "ERROR:root:Driver not initialized (amdgpu not found in modules)", 1);
  const reason =
    "rocm-smi ended with exit code 1 and printed: ERROR:root:Driver not initialized (amdgpu not found in modules).";
  await until("both are unhealthy", () => gpus.statuses().every(({ unhealthy }) => unhealthy === reason));
});
