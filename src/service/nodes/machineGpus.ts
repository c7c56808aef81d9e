import { findProgram } from "../../ground/findProgram.ts";
import type { Logger } from "../logger.ts";
import { type GpuChoice, problemOfChoice } from "./gpuChoice.ts";
import { GpuInventory } from "./gpuInventory.ts";
import { type MachineGpus, noGpus } from "./gpus.ts";
import type { GpuTool } from "./gpuTool.ts";
import { NvidiaTool } from "./nvidia.ts";
import type { OwnRuns } from "./outsideProcesses.ts";
import { Program } from "./program.ts";
import { RocmTool } from "./rocm.ts";

/** Time after which a tool that does not end is killed, in milliseconds. */
const toolLimitInMs = 30_000;
const patienceInMs = 5000;

/** Options of {@link openMachineGpus}. */
export interface MachineGpusOptions extends OwnRuns {
  readonly logger: Logger;
  /** GPUs that the service may give out. Default: all. */
  readonly choice?: GpuChoice;
  /** Time between two looks at the GPUs in milliseconds. Default: 10,000. */
  readonly intervalInMs?: number;
}

/**
 * Finds the GPUs of this machine, and keeps watching them until `close`. Waits at most 5 seconds for a tool that does not
 * respond.
 * @throws Error if chosen GPUs do not exist.
 */
export async function openMachineGpus(options: MachineGpusOptions): Promise<MachineGpus & { close(): void }> {
  const { logger, choice = "all", intervalInMs = 10_000 } = options;
  if (choice === "none") return { ...noGpus, hiddenMakers: () => ["nvidia", "amd"], close: () => undefined };
  const tool = findTool(logger);
  if (tool === undefined) {
    const problem = problemOfChoice(choice, []);
    if (problem !== undefined) throw new Error(`${problem} Install nvidia-smi or rocm-smi in a folder of PATH.`);
    return { ...noGpus, close: () => undefined };
  }
  const inventory = new GpuInventory({ ...options, tool, choice, intervalInMs, patienceInMs });
  try {
    await inventory.start();
  } catch (error) {
    inventory.close();
    throw error;
  }
  return inventory;
}

/** Returns the tool for the GPUs of this machine; undefined if there is none. */
function findTool(logger: Logger): GpuTool | undefined {
  const nvidia = findProgram("nvidia-smi");
  if (nvidia !== undefined) return new NvidiaTool(new Program("nvidia-smi", nvidia, toolLimitInMs));
  const rocm = findProgram("rocm-smi");
  if (rocm !== undefined) return new RocmTool(new Program("rocm-smi", rocm, toolLimitInMs));
  if (findProgram("amd-smi") !== undefined) {
    logger.warn({}, "cannot find AMD GPUs with amd-smi alone; install rocm-smi in a folder of PATH");
  }
  return undefined;
}
