import type { BatchAIError } from "../../models/error.ts";
import type { Cluster, NodeStateCounts } from "../../models/cluster.ts";
import { manualScaleSettings } from "../../wire/tables/cluster.ts";
import { applyDefaults } from "../../wire/defaults.ts";
import type { RunEnd } from "../engines/engine.ts";
import { machineOf } from "../nodes/machine.ts";
import type { Node, NodeCounts } from "../state/nodes.ts";
import type { StoredResource } from "../state/resources.ts";
import type { Run } from "../state/runs.ts";
import type { SchedulerContext } from "./context.ts";
import { GpuSupply } from "./gpuSupply.ts";
import { isHostError } from "./hostErrors.ts";
import { errorOf, outOfMemoryError } from "./jobStates.ts";
import { largestNodeCount, targetNodeCount } from "./scaling.ts";
import { setUpNode } from "./setupRun.ts";
import type { StartingRun } from "./startingRun.ts";
import { dismissUnusableNodes, forgetFailedSetups, scheduleReplacement } from "./unusableNodes.ts";

/** Returns the counters of a cluster. A leaving node counts until it is removed. */
export function nodeStateCountsOf(counts: NodeCounts): NodeStateCounts {
  return {
    idleNodeCount: counts.idle,
    runningNodeCount: counts.running,
    preparingNodeCount: counts.preparing,
    unusableNodeCount: counts.unusable,
    leavingNodeCount: counts.leaving,
  };
}

/** The parts of the service that the size of a cluster depends on. */
export type SizingContext = Pick<SchedulerContext, "store" | "gpus" | "nodeTypes" | "autoScaleIdleTimeInMs">;

/** Number of nodes that a cluster should have, and that it has. */
interface Sizing {
  /** Number of nodes that the scale settings ask for. */
  readonly wanted: number;
  /** The same, as far as the GPUs of the machine reach. A cluster never shrinks for lack of GPUs. */
  readonly target: number;
  readonly counts: NodeCounts;
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
  const { nodes } = context.store;
  if (mayStart) dismissUnusableNodes(context, cluster);
  if (nodes.countsOf(cluster.key).leaving > 0) removeLeftNodes(context, cluster.key);
  const sizing = sizingOf(context, cluster);
  if (isSettled(sizing)) markAllocation(context, cluster, sizing.counts, "steady");
  else resize(context, cluster, sizing);
  return mayStart && nodes.countsOf(cluster.key).preparing > 0 ? setUpNodes(context, cluster) : [];
}

function resize(context: SchedulerContext, cluster: StoredResource<"clusters">, { target, counts }: Sizing): void {
  const resizing = markAllocation(context, cluster, counts, "resizing");
  const missing = target - stayingIn(counts);
  if (missing < 0) {
    const staying = context.store.nodes.ofCluster(cluster.key).filter((node) => node.state !== "leaving");
    for (const node of inLeavingOrder(staying).slice(0, -missing)) letGo(context, resizing, node);
    removeLeftNodes(context, cluster.key);
  }
  for (let added = 0; added < missing; added++) addNode(context, resizing);
  const resized = sizingOf(context, resizing);
  if (isSettled(resized)) markAllocation(context, resizing, resized.counts, "steady");
}

/** Marks a node as idle or unusable after its setup ended. A setup that never started, or that something outside of it
 * ended, is started again. */
export function endSetup(context: SchedulerContext, run: Run, end: RunEnd): void {
  const node = context.store.nodes.find(run.owner);
  if (node?.state !== "preparing" || end.kind === "notStarted" || end.kind === "interrupted") return;
  const cluster = context.store.resources.find("clusters", node.cluster);
  if (end.kind === "exited" && end.exitCode === 0) {
    context.store.nodes.setState(node.id, "idle");
    forgetFailedSetups(context, node.cluster);
  } else if (cluster) {
    markUnusable(context, cluster, node.id, setupErrorOf(node.id, end));
  }
}

function setupErrorOf(nodeId: string, end: RunEnd): BatchAIError {
  const details = [{ name: "NodeId", value: nodeId }];
  if (end.kind === "failed") return { ...errorOf(end), details: [...(end.details ?? []), ...details] };
  if (end.kind === "exited") details.push({ name: "ExitCode", value: String(end.exitCode) });
  if (end.kind === "exited" && end.outOfMemory) {
    return { ...outOfMemoryError(end.outOfMemory, "the setup task"), details };
  }
  return { code: "NodeSetupTaskFailed", message: "Node set-up task failed with non-zero exit code", details };
}

function sizingOf(context: SizingContext, cluster: StoredResource<"clusters">): Sizing {
  const counts = context.store.nodes.countsOf(cluster.key);
  const wanted = wantedNodeCount(context, cluster, counts);
  const mostNodes = new GpuSupply(context).usableNodeCount(cluster.model);
  return { wanted, target: Math.min(wanted, Math.max(mostNodes, stayingIn(counts))), counts };
}

function wantedNodeCount(
  { store, autoScaleIdleTimeInMs }: SizingContext,
  cluster: StoredResource<"clusters">,
  counts: NodeCounts,
): number {
  const { key, model } = cluster;
  if (!model.scaleSettings?.autoScale) return largestNodeCount(model.scaleSettings);
  return targetNodeCount(model.scaleSettings, {
    busyNodeCount: counts.running,
    queuedNodeCount: store.queue.neededNodeCount(key, largestNodeCount(model.scaleSettings)),
    currentNodeCount: store.nodes.hadAny(key) ? usableIn(counts) : initialNodeCountOf(cluster),
    longIdleNodeCount: store.nodes.countIdleSince(key, store.clock.now() - autoScaleIdleTimeInMs),
  });
}

/** Returns how many nodes a cluster lacks because the machine has too few usable GPUs. */
export function nodesWithoutGpus(context: SizingContext, cluster: StoredResource<"clusters">): number {
  const { wanted, target } = sizingOf(context, cluster);
  return wanted - target;
}

function isSettled({ target, counts }: Sizing): boolean {
  return stayingIn(counts) === target && counts.leaving === 0;
}

function stayingIn({ preparing, idle, running, unusable }: NodeCounts): number {
  return preparing + idle + running + unusable;
}

/** An unusable node takes a place in the cluster until it is replaced, but no job needs it. */
function usableIn({ preparing, idle, running }: NodeCounts): number {
  return preparing + idle + running;
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
  const word = option?.toLowerCase();
  if (word === "requeue") store.runs.requestStop(run.id, "requeued");
  if (word === "terminate") store.runs.requestStop(run.id, "nodeRemoved");
}

/** Removes leaving nodes on which nothing runs. */
export function removeLeftNodes(context: SchedulerContext, clusterKey: string): void {
  const { store, folders, volumes } = context;
  const left = store.nodes.left(clusterKey);
  if (left.length === 0) return;
  for (const { id } of left) {
    store.nodes.remove(id);
    store.runs.removeOf(id);
    store.afterCommit(() => folders.discardNode(id));
  }
  // Nodes bring a new mount root along: scaling to zero and back repairs one that a job has damaged.
  const isEmpty = Object.values(store.nodes.countsOf(clusterKey)).every((count) => count === 0);
  if (!isEmpty) return;
  store.afterCommit(() => {
    volumes.mounts.releaseInBackground(folders.clusterVolumes(clusterKey).name);
    folders.discardCluster(clusterKey);
  });
}

function addNode({ store, nodeTypes }: SchedulerContext, cluster: StoredResource<"clusters">): void {
  const number = store.nodes.nextNumber(cluster.key);
  const machine = machineOf(nodeTypes.of(cluster.model.vmSize));
  store.nodes.insert({ id: nodeIdOf(cluster, number), cluster: cluster.key, number, machine });
}

/** Starts the setup of new nodes, and of nodes whose setup never started. */
function setUpNodes(context: SchedulerContext, cluster: StoredResource<"clusters">): StartingRun[] {
  const { store } = context;
  return store.nodes.toSetUp(cluster.key).flatMap((node) => {
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
  context: SchedulerContext,
  cluster: StoredResource<"clusters">,
  id: string,
  error: BatchAIError,
): void {
  const { store } = context;
  store.nodes.setState(id, "unusable");
  scheduleReplacement(context, cluster.key);
  const current = store.resources.find("clusters", cluster.key);
  if (!current) return;
  store.resources.advance(current, { errors: [...errorsOfUnusable(context, current), error] });
}

/** Returns the errors of a cluster without those of nodes that have left. */
function errorsOfUnusable({ store }: SchedulerContext, { key, model }: StoredResource<"clusters">): BatchAIError[] {
  const unusable = store.nodes.ofCluster(key).filter(({ state }) => state === "unusable");
  const ids = new Set(unusable.map(({ id }) => id));
  return (model.errors ?? []).filter(({ details = [] }) =>
    details.some(({ name, value = "" }) => name === "NodeId" && ids.has(value)),
  );
}

/** The errors remain while unusable nodes are replaced, until a setup succeeds or the scale settings are changed. */
function markAllocation(
  { store }: SchedulerContext,
  cluster: StoredResource<"clusters">,
  counts: NodeCounts,
  allocationState: "steady" | "resizing",
): StoredResource<"clusters"> {
  const change: Partial<Cluster> = {};
  if (cluster.model.allocationState !== allocationState) {
    Object.assign(change, { allocationState, allocationStateTransitionTime: new Date() });
  }
  const { errors } = cluster.model;
  const isHealthy = counts.unusable === 0 && errors?.some((error) => !isHostError(error));
  if (isHealthy && !store.replacements.find(cluster.key)) {
    const left = errors?.filter(isHostError) ?? [];
    Object.assign(change, { errors: left.length === 0 ? undefined : left });
  }
  return Object.keys(change).length === 0 ? cluster : store.resources.advance(cluster, change);
}
