/** Kinds of resources. */
export type ResourceKind = "resourceGroups" | "workspaces" | "clusters" | "fileServers" | "experiments" | "jobs";

/** Returns the ARM ID of a resource group. IDs keep the spelling of the request that created the resource. */
export function resourceGroupId(subscriptionId: string, resourceGroup: string): string {
  return `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}`;
}

/** Returns the ARM ID of a workspace. */
export function workspaceId(subscriptionId: string, resourceGroup: string, workspace: string): string {
  return `${resourceGroupId(subscriptionId, resourceGroup)}/providers/Microsoft.BatchAI/workspaces/${workspace}`;
}

/**
 * Returns the ARM ID of a child: a cluster, file server or experiment of a workspace, or a job of an experiment. As in
 * Azure, the IDs of file servers contain `fileservers` in lowercase.
 */
export function childId(
  parentId: string,
  kind: "clusters" | "fileServers" | "experiments" | "jobs",
  name: string,
): string {
  return `${parentId}/${kind === "fileServers" ? "fileservers" : kind}/${name}`;
}

/** Returns the form of an ID under which a resource is stored: ARM IDs are not case-sensitive. */
export function keyOf(id: string): string {
  return id.toLowerCase();
}

/** Returns the names in an ARM ID by the preceding segment in lowercase: `namesIn(id).workspaces`. */
export function namesIn(id: string): Readonly<Record<string, string | undefined>> {
  const segments = id.split("/").slice(1);
  const names: Record<string, string> = {};
  for (let index = 0; index + 1 < segments.length; index += 2) {
    names[(segments[index] ?? "").toLowerCase()] = segments[index + 1] ?? "";
  }
  return names;
}

/** Whether a text is the ARM ID of a cluster or file server. */
export function isWorkspaceChildId(id: string, kind: "clusters" | "fileServers"): boolean {
  const workspace = "/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\\.BatchAI/workspaces/[^/]+";
  return new RegExp(`^${workspace}/${kind}/[^/]+$`, "i").test(id);
}

/** Returns the name of a resource in the IDs of asynchronous operations: the names in its ID, joined by `$`. */
export function referenceOf(id: string): string {
  const names = namesIn(id);
  const { subscriptions, resourcegroups, workspaces, clusters, fileservers, experiments, jobs } = names;
  return [subscriptions, resourcegroups, workspaces, clusters, fileservers, experiments, jobs]
    .filter((name) => name !== undefined)
    .join("$");
}
