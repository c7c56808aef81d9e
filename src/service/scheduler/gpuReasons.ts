import type { Cluster } from "../../models/cluster.ts";
import type { QueueEntry } from "../state/queue.ts";
import { blockedMessage, lackMessage, nameOfJob, neverEnoughMessage, usesOf } from "./gpuMessages.ts";
import { gpuQueueOf } from "./gpuQueue.ts";
import { type GpuContext, GpuSupply } from "./gpuSupply.ts";
import { comesBefore } from "./queue.ts";

/** Says why jobs do not get GPUs. Used for one response: the names of those that hold GPUs are read only once. */
export class GpuReasons {
  readonly #context: GpuContext;
  readonly #supply: GpuSupply;
  #uses: string | undefined;
  #firstWaiting: { readonly entry: QueueEntry; readonly name: string } | "none" | undefined;

  constructor(context: GpuContext) {
    this.#context = context;
    this.#supply = new GpuSupply(context);
  }

  /** Returns how many nodes of a cluster a job can have at most, as far as GPUs are concerned. */
  obtainableNodeCount(cluster: Cluster): number {
    return this.#supply.obtainableNodeCount(cluster);
  }

  /** Returns why a job does not get its GPUs that needs more of these nodes. */
  whyUnobtainable(nodeCount: number, cluster: Cluster): string {
    const perNode = this.#supply.countPerNode(cluster);
    if (nodeCount <= this.#supply.usableNodeCount(cluster)) return this.#lack(nodeCount * perNode);
    return neverEnoughMessage(this.#supply, nodeCount, perNode);
  }

  /** Returns why a job does not get its GPUs now; undefined if it needs none, or would get them. */
  whyLacking(entry: QueueEntry, cluster: Cluster): string | undefined {
    const count = entry.nodeCount * this.#supply.countPerNode(cluster);
    if (count === 0) return undefined;
    const free = this.#supply.free().length;
    if (count > free) return this.#lack(count);
    this.#firstWaiting ??= this.#findFirstWaiting();
    if (this.#firstWaiting === "none" || !comesBefore(this.#firstWaiting.entry, entry)) return undefined;
    return blockedMessage(this.#firstWaiting.name, count, free);
  }

  #lack(count: number): string {
    this.#uses ??= usesOf(this.#context.store, this.#supply);
    return lackMessage(this.#supply, count, this.#uses);
  }

  #findFirstWaiting(): { readonly entry: QueueEntry; readonly name: string } | "none" {
    const { waiting: entry } = gpuQueueOf(this.#context, this.#supply);
    return entry ? { entry, name: nameOfJob(this.#context.store, entry.job) } : "none";
  }
}
