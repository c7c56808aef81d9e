import { availableParallelism, totalmem } from "node:os";

/** The machine behind a node. Its GPUs belong to the runs that hold them. */
export interface NodeMachine {
  /** Address at which other nodes reach it. Absent if the engine decides it at the start of a run. */
  readonly address?: string;
  readonly cores: number;
  readonly memoryInBytes: number;
}

/** Address of this machine for everything that runs on it. */
export const loopbackAddress = "127.0.0.1";

/** Returns the machine behind a node with this `vmSize`. Every node has all of this machine. */
export function machineOf(_vmSize: string | undefined): NodeMachine {
  return { address: loopbackAddress, cores: availableParallelism(), memoryInBytes: totalmem() };
}
