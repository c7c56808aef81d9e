import type { SlurmNodeType } from "./slurmTypes.ts";
import { coresOf, vmSizeOf } from "./vmSizes.ts";

/** What a `vmSize` stands for. */
export interface NodeType {
  /** Number of GPUs that a job gets on each node, if the machine has any. */
  readonly gpus: number;
  /** Limit of cores. Absent: none. */
  readonly cores?: number;
  /** Limit of memory in bytes. Absent: none. */
  readonly memoryInBytes?: number;
  /** What the nodes are in Slurm: GPUs, cores and memory are then what a job asks for. Absent: they are on this machine. */
  readonly slurm?: SlurmNodeType;
}

/** Bytes of a GB, as Azure counts them. */
export const bytesPerGB = 1024 ** 3;

/** Returns the key of a node type. Names that stand for the same type have the same key: `NC6` and `STANDARD_NC6`. */
export function keyOf(name: string): string {
  return name.toLowerCase().replace(/^standard_(?=.)/, "");
}

/** The node types of a service by the name of their `vmSize`, by {@link keyOf}: Azure's sizes, and those of the owner. */
export class NodeTypes {
  readonly #own: ReadonlyMap<string, NodeType>;

  /** @param own - Types that the owner of the service has added or changed, by the keys of their names. */
  constructor(own: ReadonlyMap<string, NodeType> = new Map()) {
    this.#own = own;
  }

  /** Returns the type behind a `vmSize`; one without limits and GPUs if nobody knows it. */
  of(vmSize = ""): NodeType {
    return this.#own.get(keyOf(vmSize)) ?? azureTypeOf(vmSize);
  }

  /** Returns the number of GPUs of this machine that each node needs. */
  gpusOfMachine(vmSize = ""): number {
    const { gpus, slurm } = this.of(vmSize);
    return slurm === undefined ? gpus : 0;
  }

  /** The types whose nodes are in Slurm. */
  get inSlurm(): NodeType[] {
    return [...this.#own.values()].filter(({ slurm }) => slurm !== undefined);
  }

  /** Returns the number of virtual cores that a node counts for. */
  coresOf(vmSize = ""): number {
    return this.of(vmSize).cores ?? coresOf(vmSize);
  }

  /** Returns the slots in an MPI host file that a node stands for: one for each GPU, or else for each core. */
  slotsOf(vmSize = ""): number {
    return this.of(vmSize).gpus || this.coresOf(vmSize);
  }
}

/** Returns the type of one of Azure's sizes; one without limits and GPUs for any other name. */
export function azureTypeOf(vmSize: string): NodeType {
  const size = vmSizeOf(vmSize);
  return size === undefined
    ? { gpus: 0 }
    : { gpus: size.gpus, cores: size.cores, memoryInBytes: size.memoryInGiB * bytesPerGB };
}
