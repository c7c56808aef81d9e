import type { BatchAIError } from "../../models/error.ts";
import type { Cluster, NodeStateCounts } from "../../models/cluster.ts";
import type { RunExit } from "../engines/engine.ts";
import { StartError } from "../startError.ts";
import type { Node } from "../state/nodes.ts";
import type { StoredResource } from "../state/resources.ts";
import type { Run } from "../state/runs.ts";
import type { SchedulerContext } from "./context.ts";
import { removeNodeDirectory } from "../dataFolders.ts";
import type { PreparedRun } from "./preparedRun.ts";
import { targetNodeCount } from "./scaling.ts";
import { prepareSetup } from "./setupStart.ts";

/** The counters of a cluster. A leaving node counts until it is gone. */
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

/** How many nodes a cluster should have, and which it has. */
interface Sizing {
  readonly target: number;
  readonly staying: readonly Node[];
  readonly leaving: readonly Node[];
}

/**
 * Brings the nodes of one cluster nearer to its scale settings: adds nodes, lets nodes go, and keeps
 * `allocationState`. Returns the set-up runs to start. Runs inside a transaction of the caller.
 */
export function resizeCluster(context: SchedulerContext, cluster: StoredResource<"clusters">): PreparedRun[] {
  removeLeftNodes(context, cluster.key);
  const { target, staying, leaving } = sizingOf(context, cluster);
  const missing = target - staying.length;
  if (missing === 0 && leaving.length === 0) {
    markAllocation(context, cluster, "steady");
    return prepareNodes(context, cluster);
  }
  const resizing = markAllocation(context, cluster, "resizing");
  if (missing < 0) {
    for (const node of inLeavingOrder(staying).slice(0, -missing)) letGo(context, resizing, node);
    removeLeftNodes(context, cluster.key);
  }
  for (let added = 0; added < missing; added++) addNode(context, resizing);
  settle(context, cluster.key);
  return prepareNodes(context, cluster);
}

/** The set-up task of a node ended: the node can be used, or not. Answers whether it has to be started again. */
export function endSetup(context: SchedulerContext, run: Run, exit: RunExit | "notStarted"): boolean {
  const node = context.store.nodes.find(run.owner);
  if (node?.state !== "preparing") return false;
  if (exit === "notStarted") return true;
  const cluster = context.store.resources.find("clusters", node.cluster);
  if (exit.kind === "exited" && exit.exitCode === 0) context.store.nodes.setState(node.id, "idle");
  else if (cluster) markUnusable(context, cluster, node.id, setupErrorOf(node.id, exit));
  return false;
}

function setupErrorOf(nodeId: string, exit: RunExit): BatchAIError {
  const details = [{ name: "NodeId", value: nodeId }];
  if (exit.kind === "failed") return { code: exit.code, message: exit.message, details };
  if (exit.kind === "exited") details.push({ name: "ExitCode", value: String(exit.exitCode) });
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

/** Nodes that are of no use go first, then idle ones, then busy ones; the youngest before the older. */
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
  const option = cluster.model.scaleSettings?.manual?.nodeDeallocationOption ?? "requeue";
  if (option === "requeue") store.runs.requestStop(run.id, "requeued");
  if (option === "terminate") store.runs.requestStop(run.id, "nodeRemoved");
}

/** Leaving nodes are gone once nothing runs on them. */
export function removeLeftNodes(context: SchedulerContext, clusterKey: string): void {
  const { store } = context;
  for (const node of store.nodes.ofCluster(clusterKey)) {
    if (node.state !== "leaving" || node.job !== undefined || store.runs.alive(node.id)) continue;
    store.nodes.remove(node.id);
    store.runs.removeOf(node.id);
    removeNodeDirectory(context, node.id);
  }
}

function addNode({ store }: SchedulerContext, cluster: StoredResource<"clusters">): void {
  const number = store.nodes.nextNumber(cluster.key);
  store.nodes.insert({ id: nodeIdOf(cluster, number), cluster: cluster.key, number });
}

/** Mounts and sets up the nodes that are new; also those whose set-up a crash of the service kept from starting. */
function prepareNodes(context: SchedulerContext, cluster: StoredResource<"clusters">): PreparedRun[] {
  const { store } = context;
  return store.nodes
    .ofCluster(cluster.key)
    .filter((node) => node.state === "preparing" && !store.runs.alive(node.id))
    .map((node) => prepareNode(context, cluster, node))
    .filter((run) => run !== undefined);
}

function prepareNode(
  context: SchedulerContext,
  cluster: StoredResource<"clusters">,
  node: Node,
): PreparedRun | undefined {
  try {
    const setup = prepareSetup(context, cluster, node);
    if (!setup) context.store.nodes.setState(node.id, "idle");
    return setup;
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    markUnusable(context, cluster, node.id, error.error);
    return undefined;
  }
}

/** Node ids look as the service's always did: a pool number, the node's number, and when its cluster was made. */
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
