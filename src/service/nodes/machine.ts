import { availableParallelism, totalmem } from "node:os";
import type { NodeType } from "./nodeTypes.ts";

/** The machine behind a node. Its GPUs belong to the runs that hold them. */
export interface NodeMachine {
  /** Address at which other nodes reach it. Absent if the engine decides it at the start of a run. */
  readonly address?: string;
  readonly cores: number;
  readonly memoryInBytes: number;
}

/** Address of this machine for everything that runs on it. */
export const loopbackAddress = "127.0.0.1";

/** Returns this machine. Every node on it has all of it. */
export function thisMachine(): NodeMachine & { readonly address: string } {
  return { address: loopbackAddress, cores: availableParallelism(), memoryInBytes: totalmem() };
}

/** Returns the machine behind a node of a type. Slurm chooses that of its nodes at the start of a run. */
export function machineOf({ slurm, cores = 1, memoryInBytes = 0 }: NodeType): NodeMachine {
  return slurm === undefined ? thisMachine() : { cores, memoryInBytes };
}
