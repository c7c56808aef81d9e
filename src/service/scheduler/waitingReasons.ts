import type { Cluster } from "../../models/cluster.ts";
import type { Job, WaitingReason } from "../../models/job.ts";
import type { NodeCounts } from "../state/nodes.ts";
import type { QueueEntry } from "../state/queue.ts";
import type { StoredResource } from "../state/resources.ts";
import { GpuReasons } from "./gpuReasons.ts";
import type { GpuContext } from "./gpuSupply.ts";
import { QueuePositions } from "./queue.ts";
import { largestNodeCount, scaleLimitOf } from "./scaling.ts";
import { type CurrentShortage, nodesOf, shortageMessage } from "./shortage.ts";

/** A cluster and its nodes. */
interface ClusterState {
  readonly key: string;
  readonly model: Cluster;
  readonly counts: NodeCounts;
}

/** Says for what jobs wait. Used for one response: it reads each cluster only once. */
export class WaitingReasons {
  readonly #context: GpuContext;
  readonly #shortage: CurrentShortage | undefined;
  readonly #positions: QueuePositions;
  readonly #clusters = new Map<string, ClusterState | undefined>();
  readonly #gpus: GpuReasons;

  constructor(context: GpuContext, shortage: CurrentShortage | undefined) {
    this.#context = context;
    this.#shortage = shortage;
    this.#positions = new QueuePositions(context.store.queue);
    this.#gpus = new GpuReasons(context);
  }

  /** Returns for what a job waits; undefined if it is neither in the queue of a cluster nor in one of its engine. */
  of({ key, model }: StoredResource<"jobs">): WaitingReason | undefined {
    if (model.executionState !== "queued") return undefined;
    const since = model.executionStateTransitionTime ?? new Date();
    const entry = this.#context.store.queue.find(key);
    const cluster = this.#clusterOf(model);
    if (entry === undefined) return this.#reasonOfEngine(key, since, cluster?.model);
    if (cluster === undefined) return undefined;
    const { nodeCount } = entry;
    const largest = largestNodeCount(cluster.model.scaleSettings);
    if (nodeCount > largest) {
      return { code: "ClusterTooSmall", message: tooSmallMessage(nodeCount, cluster.model), since };
    }
    const obtainable = this.#gpus.obtainableNodeCount(cluster.model);
    if (nodeCount > obtainable) {
      return { code: "NotEnoughGpus", message: this.#gpus.whyUnobtainable(nodeCount, cluster.model), since };
    }
    const position = this.#positions.of(cluster.key, entry, Math.min(largest, obtainable));
    const reason = this.#reasonOf(entry, cluster, since);
    // A job that is about to start waits for nothing.
    const isNext = reason.code === "NoFreeNode" && position === 1 && cluster.counts.idle >= nodeCount;
    return isNext ? undefined : { ...reason, position };
  }

  /** The job has its nodes, and the engine lets it wait in a queue of its own. */
  #reasonOfEngine(key: string, since: Date, cluster: Cluster | undefined): WaitingReason | undefined {
    const message = this.#context.store.runs.alive(key)?.waiting;
    const code = this.#context.nodeTypes.of(cluster?.vmSize).slurm === undefined ? "NoFreeNode" : "SlurmPending";
    return message === undefined ? undefined : { code, message, since };
  }

  #reasonOf(entry: QueueEntry, { counts, model }: ClusterState, since: Date): WaitingReason {
    const { nodeCount } = entry;
    if (this.#shortage && counts.idle + counts.preparing >= nodeCount) {
      return { code: "Shortage", message: shortageMessage(this.#shortage), since: this.#shortage.since };
    }
    const lack = this.#gpus.whyLacking(entry, model);
    if (lack !== undefined) return { code: "NotEnoughGpus", message: lack, since };
    return { code: "NoFreeNode", message: noFreeNodeMessage(nodeCount, counts, model), since };
  }

  #clusterOf({ cluster }: Job): ClusterState | undefined {
    const key = (cluster?.id ?? "").toLowerCase();
    if (!this.#clusters.has(key)) {
      const model = this.#context.store.resources.find("clusters", key)?.model;
      this.#clusters.set(key, model && { key, model, counts: this.#context.store.nodes.countsOf(key) });
    }
    return this.#clusters.get(key);
  }
}

function tooSmallMessage(nodeCount: number, { scaleSettings }: Cluster): string {
  const { property, count } = scaleLimitOf(scaleSettings);
  return (
    `The job needs ${nodesOf(nodeCount)}, and the cluster has at most ${String(count)} (scaleSettings.${property}). ` +
    "Raise that number, for example with clusters.update, or create the job with a smaller nodeCount."
  );
}

function noFreeNodeMessage(nodeCount: number, counts: NodeCounts, { allocationState }: Cluster): string {
  const kinds: readonly (readonly [number, string])[] = [
    [counts.idle, "idle"],
    [counts.running, "busy"],
    [counts.preparing, "being prepared"],
    [counts.leaving, "being removed"],
    [counts.unusable, "unusable (see the errors of the cluster)"],
  ];
  const nodes = kinds.filter(([count]) => count > 0).map(([count, state]) => `${String(count)} ${state}`);
  const resizing = allocationState === "resizing" ? " The cluster is being resized." : "";
  const free = nodeCount === 1 ? "1 free node" : `${String(nodeCount)} nodes that are free at the same time`;
  return `The job needs ${free}. Nodes of the cluster: ${nodes.length === 0 ? "none yet" : nodes.join(", ")}.${resizing}`;
}
