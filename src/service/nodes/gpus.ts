import type { GpuMaker, LaunchGpu } from "../engines/engine.ts";

/** A GPU of this machine, or a part of one (MIG). */
export interface Gpu extends LaunchGpu {
  /** Name of the product, for example `Tesla V100-PCIE-16GB`. */
  readonly name: string;
  /** Absent if the driver does not tell. */
  readonly memoryInBytes?: number;
}

/** A process outside the service that uses a GPU. */
export interface GpuProcess {
  readonly pid: number;
  /** Name of its user. Absent if the system does not tell. */
  readonly user?: string;
  /** Absent if the driver does not tell. */
  readonly memoryInBytes?: number;
}

/** A GPU and what is known of it at the moment. */
export interface GpuStatus {
  readonly gpu: Gpu;
  /** Reason why it cannot be used, as one sentence. Absent if it is healthy. */
  readonly unhealthy?: string;
  /** Processes outside the service that use it. It is given out only if there are none. */
  readonly outsideProcesses: readonly GpuProcess[];
}

/** The GPUs of this machine that the service may give out. */
export interface MachineGpus {
  /** Returns what was found at the last look, in the order of their indexes. Empty: this machine has none. */
  statuses(): readonly GpuStatus[];
  /** Returns the makers whose GPUs are hidden from runs that do not have them. */
  hiddenMakers(): readonly GpuMaker[];
  /** Sets the function that is called after a look has found a change. */
  onChange(listener: () => void): void;
  /** Looks soon instead of at the next interval, for example because a run with GPUs has ended. Never throws. */
  lookSoon(): void;
}

/** A machine without GPUs. */
export const noGpus: MachineGpus = {
  statuses: () => [],
  hiddenMakers: () => [],
  onChange: () => undefined,
  lookSoon: () => undefined,
};
