import { keyOf, resourceGroupId, workspaceId, childId, type ResourceKind } from "../../wire/resourceIds.ts";
import type { StoredResource } from "../state/resources.ts";
import type { Store } from "../state/store.ts";
import { ArmError, type ErrorCode } from "./errors.ts";
import type { ArmContext, ArmRequest } from "./context.ts";
import { nameIn, resourceGroupIn } from "./parameters.ts";

const notFound: Readonly<Record<ResourceKind, { code: ErrorCode; noun: string }>> = {
  resourceGroups: { code: "ResourceGroupNotFound", noun: "resource group" },
  workspaces: { code: "WorkspaceNotFound", noun: "workspace" },
  clusters: { code: "ClusterNotFound", noun: "cluster" },
  fileServers: { code: "FileServerNotFound", noun: "file server" },
  experiments: { code: "ExperimentNotFound", noun: "experiment" },
  jobs: { code: "JobNotFound", noun: "job" },
};

/** Returns a resource by its ARM ID. @throws ArmError 404 if it does not exist. */
export function existing<K extends ResourceKind>(
  store: Store,
  kind: K,
  id: string,
  target?: string,
): StoredResource<K> {
  const resource = store.resources.find(kind, id);
  if (resource) return resource;
  const { code, noun } = notFound[kind];
  const name = id.slice(id.lastIndexOf("/") + 1);
  throw new ArmError(code, `The specified ${noun} ${name} is not found`, target === undefined ? {} : { target });
}

/** Returns the resource group in the path of a request. @throws ArmError 404 if it does not exist. */
export function resourceGroupOf(
  { store, subscriptionId }: ArmContext,
  request: ArmRequest,
): StoredResource<"resourceGroups"> {
  const name = resourceGroupIn(request);
  const group = store.resources.find("resourceGroups", resourceGroupId(subscriptionId, name));
  if (group) return group;
  throw new ArmError("ResourceGroupNotFound", `Resource group '${name}' could not be found.`);
}

/** Returns the ARM ID of the workspace in the path of a request, in the spelling of the request. */
export function workspaceIdOf({ subscriptionId }: ArmContext, request: ArmRequest): string {
  return workspaceId(subscriptionId, resourceGroupIn(request), nameIn(request, "workspaceName"));
}

/** Returns the workspace in the path of a request. @throws ArmError 404 if it, or its resource group, does not exist. */
export function workspaceOf(context: ArmContext, request: ArmRequest): StoredResource<"workspaces"> {
  resourceGroupOf(context, request);
  return existing(context.store, "workspaces", workspaceIdOf(context, request));
}

type WorkspaceChild = "clusters" | "fileServers" | "experiments";

const nameParameters = {
  clusters: "clusterName",
  fileServers: "fileServerName",
  experiments: "experimentName",
} as const;

/** Returns the ARM ID of the cluster, file server or experiment in the path of a request. */
export function workspaceChildId(context: ArmContext, request: ArmRequest, kind: WorkspaceChild): string {
  return childId(workspaceIdOf(context, request), kind, nameIn(request, nameParameters[kind]));
}

/**
 * Returns the cluster, file server or experiment in the path of a request.
 * @throws ArmError 404 if it, or a resource that contains it, does not exist.
 */
export function workspaceChildOf<K extends WorkspaceChild>(
  context: ArmContext,
  request: ArmRequest,
  kind: K,
): StoredResource<K> {
  workspaceOf(context, request);
  return existing(context.store, kind, workspaceChildId(context, request, kind));
}

/** Returns the ARM ID of the job in the path of a request. */
export function jobIdOf(context: ArmContext, request: ArmRequest): string {
  return childId(workspaceChildId(context, request, "experiments"), "jobs", nameIn(request, "jobName"));
}

/** Returns the job in the path of a request. @throws ArmError 404 if it, or a resource that contains it, does not exist. */
export function jobOf(context: ArmContext, request: ArmRequest): StoredResource<"jobs"> {
  workspaceChildOf(context, request, "experiments");
  return existing(context.store, "jobs", jobIdOf(context, request));
}

/** Returns the region of a Batch AI resource, which is the region of its workspace. */
export function locationOf(store: Store, resource: StoredResource): string {
  const workspaceKey = /^.*\/workspaces\/[^/]+/.exec(resource.key)?.[0] ?? "";
  return store.resources.find("workspaces", keyOf(workspaceKey))?.model.location ?? "local";
}

/** Rejects a change to a resource that is being deleted. @throws ArmError 409. */
export function refuseWhileDeleting(resource: StoredResource): void {
  if (resource.model.provisioningState?.toLowerCase() !== "deleting") return;
  const message = `${resource.model.id ?? "The resource"} is being deleted. Try again after it has been deleted.`;
  throw new ArmError("ResourceBeingDeleted", message);
}
