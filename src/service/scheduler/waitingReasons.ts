import type { Cluster, MissingNodes } from "../../models/cluster.ts";
import type { Job, WaitingReason } from "../../models/job.ts";
import type { NodeCounts } from "../state/nodes.ts";
import type { QueueEntry } from "../state/queue.ts";
import type { StoredResource } from "../state/resources.ts";
import type { Store } from "../state/store.ts";
import { QueuePositions } from "./queue.ts";
import { largestNodeCount, scaleLimitOf } from "./scaling.ts";

/** A lack of something on the machine, for which nothing starts for a moment. */
export interface CurrentShortage {
  readonly reason: string;
  readonly since: Date;
}

/** A cluster and its nodes. */
interface ClusterState {
  readonly key: string;
  readonly model: Cluster;
  readonly counts: NodeCounts;
}

/** Says for what jobs wait. Used for one response: it reads each cluster only once. */
export class WaitingReasons {
  readonly #store: Store;
  readonly #shortage: CurrentShortage | undefined;
  readonly #positions: QueuePositions;
  readonly #clusters = new Map<string, ClusterState | undefined>();

  constructor(store: Store, shortage: CurrentShortage | undefined) {
    this.#store = store;
    this.#shortage = shortage;
    this.#positions = new QueuePositions(store.queue);
  }

  /** Returns for what a job waits; undefined if it is neither in the queue of a cluster nor in one of its engine. */
  of({ key, model }: StoredResource<"jobs">): WaitingReason | undefined {
    if (model.executionState !== "queued") return undefined;
    const since = model.executionStateTransitionTime ?? new Date();
    const entry = this.#store.queue.find(key);
    if (entry === undefined) return this.#reasonOfEngine(key, since);
    const cluster = this.#clusterOf(model);
    if (cluster === undefined) return undefined;
    const { nodeCount } = entry;
    const largest = largestNodeCount(cluster.model.scaleSettings);
    if (nodeCount > largest) {
      return { code: "ClusterTooSmall", message: tooSmallMessage(nodeCount, cluster.model), since };
    }
    const position = this.#positions.of(cluster.key, entry, largest);
    const reason = this.#reasonOf(entry, cluster, since);
    // A job that is about to start waits for nothing.
    const isNext = reason.code === "NoFreeNode" && position === 1 && cluster.counts.idle >= nodeCount;
    return isNext ? undefined : { ...reason, position };
  }

  /** The job has its nodes, and the engine lets it wait in a queue of its own. */
  #reasonOfEngine(key: string, since: Date): WaitingReason | undefined {
    const message = this.#store.runs.alive(key)?.waiting;
    return message === undefined ? undefined : { code: "NoFreeNode", message, since };
  }

  #reasonOf({ nodeCount }: QueueEntry, { counts, model }: ClusterState, since: Date): WaitingReason {
    if (this.#shortage && counts.idle + counts.preparing >= nodeCount) {
      return { code: "Shortage", message: shortageMessage(this.#shortage), since: this.#shortage.since };
    }
    return { code: "NoFreeNode", message: noFreeNodeMessage(nodeCount, counts, model), since };
  }

  #clusterOf({ cluster }: Job): ClusterState | undefined {
    const key = (cluster?.id ?? "").toLowerCase();
    if (!this.#clusters.has(key)) {
      const model = this.#store.resources.find("clusters", key)?.model;
      this.#clusters.set(key, model && { key, model, counts: this.#store.nodes.countsOf(key) });
    }
    return this.#clusters.get(key);
  }
}

/** Returns the nodes that a cluster lacks, and why; undefined if it lacks none. */
export function missingNodesOf(
  { errors = [] }: Cluster,
  { unusable, preparing }: NodeCounts,
  shortage: CurrentShortage | undefined,
): MissingNodes | undefined {
  if (unusable > 0) {
    const reason = errors.map(({ message }) => message).find((message) => message !== undefined);
    const message =
      `${nodesOf(unusable)} of the cluster ${unusable === 1 ? "is" : "are"} unusable` +
      `${reason === undefined ? "" : `: ${withoutPeriod(reason)}`}. ` +
      "The service replaces unusable nodes after a pause, and at once if you change the scale settings.";
    return { count: unusable, code: "UnusableNodes", message };
  }
  if (preparing > 0 && shortage) return { count: preparing, code: "Shortage", message: shortageMessage(shortage) };
  return undefined;
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

function shortageMessage({ reason }: CurrentShortage): string {
  return `The machine of the service lacks something at the moment: ${withoutPeriod(reason)}. The service tries again.`;
}

function nodesOf(count: number): string {
  return count === 1 ? "1 node" : `${String(count)} nodes`;
}

function withoutPeriod(text: string): string {
  return text.replace(/\.$/, "");
}
