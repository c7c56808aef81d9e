import type { ResourceKind } from "../../wire/resourceIds.ts";
import type { StoredResource } from "../state/resources.ts";
import type { Store } from "../state/store.ts";
import { removeLeftNodes } from "./clusterNodes.ts";
import type { SchedulerContext } from "./context.ts";
import { markStopped } from "./jobStates.ts";

/** Marks a resource and everything inside it as being deleted, and requests that its runs stop. */
export function beginDeletion(store: Store, resource: StoredResource): void {
  markDeleting(store, resource);
  if (resource.kind === "jobs") endJobOf(store, resource.key);
  if (resource.kind === "clusters") endWorkOn(store, resource.key);
  for (const { key, kind } of store.resources.children(resource.key)) {
    const child = store.resources.find(kind, key);
    if (child) beginDeletion(store, child);
  }
}

function markDeleting(store: Store, resource: StoredResource): void {
  if (isKind(resource, "resourceGroups")) {
    store.resources.markDeleting(resource, { provisioningState: "Deleting" });
  } else if (resource.model.provisioningState !== "deleting") {
    store.resources.markDeleting(resource, {
      provisioningState: "deleting",
      provisioningStateTransitionTime: new Date(),
    });
  }
}

function endJobOf(store: Store, jobKey: string): void {
  store.queue.remove(jobKey);
  const run = store.runs.alive(jobKey);
  if (run) store.runs.requestStop(run.id, "deleted");
}

/** Ends the jobs of a deleted cluster: queued ones would wait forever, and running ones lose their nodes. */
function endWorkOn(store: Store, clusterKey: string): void {
  for (const jobKey of store.queue.ofCluster(clusterKey)) {
    const job = store.resources.find("jobs", jobKey);
    if (job) markStopped(store, job, "clusterDeleted");
  }
  for (const node of store.nodes.ofCluster(clusterKey)) {
    const run = store.runs.alive(node.job ?? node.id);
    if (run) store.runs.requestStop(run.id, "clusterDeleted");
    store.nodes.setState(node.id, "leaving");
  }
}

/** Removes deleted resources that no longer contain anything. Runs inside a transaction of the caller. */
export function finishDeletions(context: SchedulerContext): void {
  for (const { key, kind } of context.store.resources.deleting()) {
    if (kind === "clusters") removeLeftNodes(context, key);
    if (!isHeld(context.store, key, kind)) remove(context, key, kind);
  }
}

function isHeld(store: Store, key: string, kind: ResourceKind): boolean {
  if (kind === "jobs") return store.runs.alive(key) !== undefined;
  if (kind === "clusters") return Object.values(store.nodes.countsOf(key)).some((count) => count > 0);
  return store.resources.hasChildren(key);
}

function remove(context: SchedulerContext, key: string, kind: ResourceKind): void {
  const { store } = context;
  discardFoldersOf(context, key, kind);
  store.runs.removeOf(key);
  store.vault.remove(key);
  store.nodes.forget(key);
  store.replacements.forget(key);
  store.operations.succeed(key);
  store.resources.remove(key);
}

function discardFoldersOf({ store, folders, volumes }: SchedulerContext, key: string, kind: ResourceKind): void {
  const fileServer = store.resources.find("fileServers", key);
  store.afterCommit(() => {
    if (kind === "jobs") folders.discardJob(key);
    if (kind === "clusters") {
      volumes.mounts.releaseInBackground(folders.clusterVolumes(key).name);
      folders.discardCluster(key);
    }
    if (fileServer) folders.discardFileServer(fileServer.sequence);
  });
}

function isKind<K extends ResourceKind>(
  resource: StoredResource,
  kind: K,
): resource is StoredResource<K> & StoredResource {
  return resource.kind === kind;
}
