import type { Cluster } from "../../models/cluster.ts";
import type { LaunchGpu } from "../engines/engine.ts";
import type { GpuStatus } from "../nodes/gpus.ts";
import type { Run } from "../state/runs.ts";
import type { SchedulerContext } from "./context.ts";

/** The parts of the service that know about GPUs. */
export type GpuContext = Pick<SchedulerContext, "store" | "gpus" | "nodeTypes">;

/**
 * The GPUs of this machine, and who holds them. Valid for one moment: a step of the scheduler, or one response. On a
 * machine without GPUs, it reads nothing.
 */
export class GpuSupply {
  /** The GPUs as the machine reports them. Empty: this machine has none. */
  readonly statuses: readonly GpuStatus[];
  readonly #context: GpuContext;
  #holders: ReadonlyMap<string, Run> | undefined;

  constructor(context: GpuContext) {
    this.#context = context;
    this.statuses = context.gpus.statuses();
  }

  /**
   * Returns how many GPUs of this machine each node of a cluster has: those of its type, or none if this machine has none,
   * or if the nodes are in Slurm.
   */
  countPerNode({ vmSize }: Pick<Cluster, "vmSize">): number {
    return this.statuses.length === 0 ? 0 : this.#context.nodeTypes.gpusOfMachine(vmSize);
  }

  /** Returns how many nodes of a cluster all usable GPUs could fill, whoever holds them. */
  usableNodeCount(cluster: Pick<Cluster, "vmSize">): number {
    return this.#nodesWith(this.usableCount, cluster);
  }

  /**
   * Returns how many nodes of a cluster the GPUs could fill that no process outside the service uses. A job that needs
   * more waits for others than the jobs of the service, so it delays none of them.
   */
  obtainableNodeCount(cluster: Pick<Cluster, "vmSize">): number {
    return this.#nodesWith(this.statuses.filter(isObtainable).length, cluster);
  }

  /** Number of GPUs that are healthy. */
  get usableCount(): number {
    return this.statuses.filter(({ unhealthy }) => unhealthy === undefined).length;
  }

  /** Number of GPUs that runs hold. */
  get heldCount(): number {
    return this.holders.size;
  }

  /** Runs by the UUIDs of the GPUs that they hold. */
  get holders(): ReadonlyMap<string, Run> {
    this.#holders ??= this.statuses.length === 0 ? new Map() : holdersIn(this.#context.store.runs.allWithGpus());
    return this.#holders;
  }

  /** Returns the GPUs that a run can get now, in the order of their indexes. */
  free(): LaunchGpu[] {
    return this.statuses
      .filter((status) => isObtainable(status) && !this.holders.has(status.gpu.uuid))
      .map(({ gpu: { index, uuid, vendor, isPart } }) => ({
        index,
        uuid,
        ...(vendor && { vendor }),
        ...(isPart && { isPart }),
      }));
  }

  #nodesWith(count: number, cluster: Pick<Cluster, "vmSize">): number {
    const perNode = this.countPerNode(cluster);
    return perNode === 0 ? Infinity : Math.floor(count / perNode);
  }
}

function isObtainable({ unhealthy, outsideProcesses }: GpuStatus): boolean {
  return unhealthy === undefined && outsideProcesses.length === 0;
}

function holdersIn(runs: readonly Run[]): Map<string, Run> {
  return new Map(
    runs.flatMap((run) =>
      Object.values(run.gpus)
        .flat()
        .map(({ uuid }): [string, Run] => [uuid, run]),
    ),
  );
}
