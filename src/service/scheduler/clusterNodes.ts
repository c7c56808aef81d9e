import type { BatchAIError } from "../../models/error.ts";
import type { Cluster, NodeStateCounts } from "../../models/cluster.ts";
import { manualScaleSettings } from "../../wire/tables/cluster.ts";
import { applyDefaults } from "../../wire/defaults.ts";
import type { RunEnd } from "../engines/engine.ts";
import { machineOf } from "../nodes/machine.ts";
import type { Node } from "../state/nodes.ts";
import type { StoredResource } from "../state/resources.ts";
import type { Run } from "../state/runs.ts";
import type { SchedulerContext } from "./context.ts";
import { errorOf } from "./jobStates.ts";
import { targetNodeCount } from "./scaling.ts";
import { setUpNode } from "./setupRun.ts";
import type { StartingRun } from "./startingRun.ts";

/** Returns the counters of a cluster. A leaving node counts until it is removed. */
export function nodeStateCountsOf(nodes: readonly Node[]): NodeStateCounts {
  const count = (state: Node["state"]) => nodes.filter((node) => node.state === state).length;
  return {
    idleNodeCount: count("idle"),
    runningNodeCount: count("running"),
    preparingNodeCount: count("preparing"),
    unusableNodeCount: count("unusable"),
    leavingNodeCount: count("leaving"),
  };
}

/** Number of nodes that a cluster should have, and the nodes that it has. */
interface Sizing {
  readonly target: number;
  readonly staying: readonly Node[];
  readonly leaving: readonly Node[];
}

/**
 * Moves the nodes of a cluster toward its scale settings: adds nodes, lets nodes leave, and updates
 * `allocationState`. Returns the setup runs to start, none
 * if `mayStart` is false. Runs inside a transaction of the caller.
 */
export function resizeCluster(
  context: SchedulerContext,
  cluster: StoredResource<"clusters">,
  mayStart: boolean,
): StartingRun[] {
  removeLeftNodes(context, cluster.key);
  const { target, staying, leaving } = sizingOf(context, cluster);
  const missing = target - staying.length;
  if (missing === 0 && leaving.length === 0) {
    markAllocation(context, cluster, "steady");
    return mayStart ? setUpNodes(context, cluster) : [];
  }
  const resizing = markAllocation(context, cluster, "resizing");
  if (missing < 0) {
    for (const node of inLeavingOrder(staying).slice(0, -missing)) letGo(context, resizing, node);
    removeLeftNodes(context, cluster.key);
  }
  for (let added = 0; added < missing; added++) addNode(context, resizing);
  settle(context, cluster.key);
  return mayStart ? setUpNodes(context, cluster) : [];
}

/** Marks a node as idle or unusable after its setup ended. A setup that never started is started again. */
export function endSetup(context: SchedulerContext, run: Run, end: RunEnd): void {
  const node = context.store.nodes.find(run.owner);
  if (node?.state !== "preparing" || end.kind === "notStarted") return;
  const cluster = context.store.resources.find("clusters", node.cluster);
  if (end.kind === "exited" && end.exitCode === 0) context.store.nodes.setState(node.id, "idle");
  else if (cluster) markUnusable(context, cluster, node.id, setupErrorOf(node.id, end));
}

function setupErrorOf(nodeId: string, end: RunEnd): BatchAIError {
  const details = [{ name: "NodeId", value: nodeId }];
  if (end.kind === "failed") return { ...errorOf(end), details: [...(end.details ?? []), ...details] };
  if (end.kind === "exited") details.push({ name: "ExitCode", value: String(end.exitCode) });
  return { code: "NodeSetupTaskFailed", message: "Node set-up task failed with non-zero exit code", details };
}

function sizingOf({ store, autoScaleIdleTimeInMs }: SchedulerContext, cluster: StoredResource<"clusters">): Sizing {
  const nodes = store.nodes.ofCluster(cluster.key);
  const staying = nodes.filter((node) => node.state !== "leaving");
  const longIdleSince = Date.now() - autoScaleIdleTimeInMs;
  const target = targetNodeCount(cluster.model.scaleSettings, {
    busyNodeCount: staying.filter((node) => node.job !== undefined).length,
    queuedNodeCounts: store.queue.ofCluster(cluster.key).map((entry) => entry.nodeCount),
    currentNodeCount: store.nodes.hadAny(cluster.key) ? staying.length : initialNodeCountOf(cluster),
    longIdleNodeCount: staying.filter((node) => node.idleSince && node.idleSince.getTime() <= longIdleSince).length,
  });
  return { target, staying, leaving: nodes.filter((node) => node.state === "leaving") };
}

function initialNodeCountOf({ model }: StoredResource<"clusters">): number {
  return model.scaleSettings?.autoScale?.initialNodeCount ?? 0;
}

/** Sorts nodes by the order in which they leave: unusable first, then idle, then busy; newer before older. */
function inLeavingOrder(nodes: readonly Node[]): Node[] {
  const rank = { unusable: 0, preparing: 1, idle: 2, running: 3, leaving: 4 };
  return [...nodes].sort((a, b) => rank[a.state] - rank[b.state] || b.number - a.number);
}

function letGo({ store }: SchedulerContext, cluster: StoredResource<"clusters">, node: Node): void {
  store.nodes.setState(node.id, "leaving");
  const run = store.runs.alive(node.job ?? node.id);
  if (!run) return;
  if (run.kind === "setupTask") {
    store.runs.requestStop(run.id, "nodeRemoved");
    return;
  }
  const manual = cluster.model.scaleSettings?.manual ?? { targetNodeCount: 0 };
  const { nodeDeallocationOption: option } = applyDefaults(manualScaleSettings, manual);
  if (option === "requeue") store.runs.requestStop(run.id, "requeued");
  if (option === "terminate") store.runs.requestStop(run.id, "nodeRemoved");
}

/** Removes leaving nodes on which nothing runs. */
export function removeLeftNodes(context: SchedulerContext, clusterKey: string): void {
  const { store, folders } = context;
  const nodes = store.nodes.ofCluster(clusterKey);
  const left = nodes.filter((node) => {
    return node.state === "leaving" && node.job === undefined && !store.runs.alive(node.id);
  });
  for (const { id } of left) {
    store.nodes.remove(id);
    store.runs.removeOf(id);
    store.afterCommit(() => folders.discardNode(id));
  }
  // Nodes bring a new mount root along: scaling to zero and back repairs one that a job has damaged.
  if (left.length > 0 && left.length === nodes.length) store.afterCommit(() => folders.discardCluster(clusterKey));
}

function addNode({ store }: SchedulerContext, cluster: StoredResource<"clusters">): void {
  const number = store.nodes.nextNumber(cluster.key);
  const machine = machineOf(cluster.model.vmSize);
  store.nodes.insert({ id: nodeIdOf(cluster, number), cluster: cluster.key, number, machine });
}

/** Starts the setup of new nodes, and of nodes whose setup never started. */
function setUpNodes(context: SchedulerContext, cluster: StoredResource<"clusters">): StartingRun[] {
  const { store } = context;
  const waiting = store.nodes
    .ofCluster(cluster.key)
    .filter((node) => node.state === "preparing" && !store.runs.alive(node.id));
  return waiting.flatMap((node) => {
    const setup = setUpNode(context, cluster, node);
    if (!setup) store.nodes.setState(node.id, "idle");
    return setup ?? [];
  });
}

/** Node IDs have the form of the original service: a pool number, the node's number, and the creation time of the cluster. */
function nodeIdOf(cluster: StoredResource<"clusters">, number: number): string {
  const made = (cluster.model.creationTime ?? new Date())
    .toISOString()
    .replace(/[-:]|\.\d+/g, "")
    .toLowerCase();
  const priority = cluster.model.vmPriority === "lowpriority" ? "-p" : "";
  return `tvm-${String(cluster.sequence)}_${String(number)}-${made}${priority}`;
}

function markUnusable(
  { store }: SchedulerContext,
  cluster: StoredResource<"clusters">,
  id: string,
  error: BatchAIError,
): void {
  store.nodes.setState(id, "unusable");
  const current = store.resources.find("clusters", cluster.key);
  if (!current) return;
  const others = (current.model.errors ?? []).filter((known) => JSON.stringify(known) !== JSON.stringify(error));
  store.resources.advance(current, { errors: [...others, error] });
}

function settle(context: SchedulerContext, clusterKey: string): void {
  const cluster = context.store.resources.find("clusters", clusterKey);
  if (!cluster) return;
  const { target, staying, leaving } = sizingOf(context, cluster);
  if (staying.length === target && leaving.length === 0) markAllocation(context, cluster, "steady");
}

function markAllocation(
  { store }: SchedulerContext,
  cluster: StoredResource<"clusters">,
  allocationState: "steady" | "resizing",
): StoredResource<"clusters"> {
  const change: Partial<Cluster> = {};
  if (cluster.model.allocationState !== allocationState) {
    Object.assign(change, { allocationState, allocationStateTransitionTime: new Date() });
  }
  const usable = store.nodes.ofCluster(cluster.key).every((node) => node.state !== "unusable");
  if (usable && cluster.model.errors) Object.assign(change, { errors: undefined });
  return Object.keys(change).length === 0 ? cluster : store.resources.advance(cluster, change);
}
