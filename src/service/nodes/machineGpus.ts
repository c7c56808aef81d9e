import { existsSync } from "node:fs";
import { findProgram } from "../../ground/findProgram.ts";
import type { GpuMaker } from "../engines/engine.ts";
import type { Logger } from "../logger.ts";
import { type GpuChoice, problemOfChoice } from "./gpuChoice.ts";
import { GpuInventory } from "./gpuInventory.ts";
import { GpuMemory, type StoredTexts } from "./gpuMemory.ts";
import { type MachineGpus, noGpus } from "./gpus.ts";
import type { Card, GpuTool } from "./gpuTool.ts";
import { NvidiaTool } from "./nvidia.ts";
import { moduleFolder } from "./nvidiaDriver.ts";
import type { OwnRuns } from "./outsideProcesses.ts";
import { Program } from "./program.ts";
import { kernelFolder, RocmTool } from "./rocm.ts";

/** Time after which a tool that does not end is killed, in milliseconds. */
const toolLimitInMs = 30_000;
const patienceInMs = 5000;

/** The makers in the order in which their tools are used. */
const makers: readonly GpuMaker[] = ["nvidia", "amd"];
/** Folders that exist if the driver of a maker is loaded. */
const foldersOfLinux = { nvidia: moduleFolder, amd: kernelFolder };

/** Options of {@link openMachineGpus}. */
export interface MachineGpusOptions extends OwnRuns {
  readonly logger: Logger;
  /** Store in which the known GPUs outlive the service. */
  readonly stored: StoredTexts;
  /** GPUs that the service may give out. Default: all. */
  readonly choice?: GpuChoice;
  /** Time between two looks at the GPUs in milliseconds. Default: 10,000. */
  readonly intervalInMs?: number;
  /** Folders that exist if the driver of a maker is loaded. Default: those of Linux. */
  readonly driverFolders?: Readonly<Record<GpuMaker, string>>;
}

/**
 * Finds the GPUs of this machine, and keeps watching them until `close`. Waits at most 5 seconds for a tool that does not
 * respond.
 * @throws Error if chosen GPUs do not exist.
 */
export async function openMachineGpus(options: MachineGpusOptions): Promise<MachineGpus & { close(): void }> {
  const { logger, stored, choice = "all", intervalInMs = 10_000, driverFolders = foldersOfLinux } = options;
  const memory = new GpuMemory(stored, logger);
  if (choice === "none") {
    memory.replace([]);
    return { ...noGpus, hiddenMakers: () => makers, close: () => undefined };
  }
  const programs = { nvidia: findProgram("nvidia-smi"), amd: findProgram("rocm-smi") };
  const isPossible = (maker: GpuMaker) => programs[maker] !== undefined || existsSync(driverFolders[maker]);
  const remembered = memory.cards().filter(({ gpu }) => isPossible(gpu.vendor ?? "nvidia"));
  memory.replace(remembered);

  const maker = makers.find((name) => programs[name] !== undefined) ?? makerOf(remembered);
  if (maker === undefined) {
    if (findProgram("amd-smi") !== undefined) {
      logger.warn({}, "cannot find AMD GPUs with amd-smi alone; install rocm-smi in a folder of PATH");
    }
    const problem = problemOfChoice(choice, []);
    if (problem !== undefined) throw new Error(`${problem} Install nvidia-smi or rocm-smi in a folder of PATH.`);
    return { ...noGpus, close: () => undefined };
  }
  const tool = toolOf(maker, programs[maker]);
  const inventory = new GpuInventory({ ...options, tool, memory, choice, intervalInMs, patienceInMs });
  try {
    await inventory.start();
  } catch (error) {
    inventory.close();
    throw error;
  }
  return inventory;
}

/** Returns the maker of GPUs that an earlier service has found. */
function makerOf([card]: readonly Card[]): GpuMaker | undefined {
  return card && (card.gpu.vendor ?? "nvidia");
}

/** @param path - Default: where each look finds the program in PATH. */
function toolOf(maker: GpuMaker, path?: string): GpuTool {
  const name = maker === "nvidia" ? "nvidia-smi" : "rocm-smi";
  const program = new Program(name, path ?? name, toolLimitInMs);
  return maker === "nvidia" ? new NvidiaTool(program) : new RocmTool(program);
}
