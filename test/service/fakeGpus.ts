import type { GpuMaker } from "../../src/service/engines/engine.ts";
import type { GpuProcess, GpuStatus, MachineGpus } from "../../src/service/nodes/gpus.ts";
import { NodeTypes } from "../../src/service/nodes/nodeTypes.ts";

/** Types of nodes with so many GPUs: `GPU0`, `GPU1`, `GPU2`, `GPU4`, `GPU8`. */
export const gpuTypes = new NodeTypes(new Map([0, 1, 2, 4, 8].map((gpus) => [`gpu${String(gpus)}`, { gpus }])));

/** The GPUs of a machine, in the state that a test gives them. */
export class FakeGpus implements MachineGpus {
  looks = 0;
  #statuses: readonly GpuStatus[];
  readonly #listeners: (() => void)[] = [];

  constructor(count: number) {
    this.#statuses = Array.from({ length: count }, (_, index) => statusOf(index));
  }

  statuses(): readonly GpuStatus[] {
    return this.#statuses;
  }

  hiddenMakers(): readonly GpuMaker[] {
    return this.#statuses.length === 0 ? [] : ["nvidia"];
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  lookSoon(): void {
    this.looks++;
  }

  /** Changes the state of one GPU. */
  set(index: number, change: { readonly unhealthy?: string; readonly outsideProcesses?: readonly GpuProcess[] }): void {
    this.#statuses = this.#statuses.map((status, position) => {
      return position === index ? { ...statusOf(index), ...change } : status;
    });
    this.#changed();
  }

  /** Changes the number of GPUs. */
  resize(count: number): void {
    this.#statuses = Array.from({ length: count }, (_, index) => this.#statuses[index] ?? statusOf(index));
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** Returns the UUID of a GPU. */
export function uuidOf(index: number): string {
  return `GPU-${String(index).repeat(8)}`;
}

function statusOf(index: number): GpuStatus {
  return { gpu: { index, uuid: uuidOf(index), name: "Tesla V100-PCIE-16GB" }, outsideProcesses: [] };
}
