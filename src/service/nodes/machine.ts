import { availableParallelism, totalmem } from "node:os";
import type { LaunchGpu } from "../engines/engine.ts";

/** The machine, or the part of one, behind a node. */
export interface NodeMachine {
  /** Address at which other nodes reach it. Absent if the engine decides it at the start of a run. */
  readonly address?: string;
  readonly cores: number;
  readonly memoryInBytes: number;
  readonly gpus: readonly LaunchGpu[];
}

/** Address of this machine for everything that runs on it. */
export const loopbackAddress = "127.0.0.1";

/** Returns the machine behind a node with this `vmSize`. Every node has all of this machine, without its GPUs. */
export function machineOf(_vmSize: string | undefined): NodeMachine {
  return { address: loopbackAddress, cores: availableParallelism(), memoryInBytes: totalmem(), gpus: [] };
}
