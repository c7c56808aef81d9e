/** The kinds of resources that the service keeps. */
export type ResourceKind = "resourceGroups" | "workspaces" | "clusters" | "fileServers" | "experiments" | "jobs";

/** ARM id of a resource group. Ids keep the spelling of whoever created the resource. */
export function resourceGroupId(subscriptionId: string, resourceGroup: string): string {
  return `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}`;
}

/** ARM id of a workspace. */
export function workspaceId(subscriptionId: string, resourceGroup: string, workspace: string): string {
  return `${resourceGroupId(subscriptionId, resourceGroup)}/providers/Microsoft.BatchAI/workspaces/${workspace}`;
}

/**
 * ARM id of a child: a cluster, file server or experiment of a workspace, a job of an experiment. The ids of file servers
 * have always been written in lower case.
 */
export function childId(
  parentId: string,
  kind: "clusters" | "fileServers" | "experiments" | "jobs",
  name: string,
): string {
  return `${parentId}/${kind === "fileServers" ? "fileservers" : kind}/${name}`;
}

/** The form of an id under which a resource is stored: ARM ids are case-insensitive. */
export function keyOf(id: string): string {
  return id.toLowerCase();
}

/** The names in an ARM id, by the segment before them in lower case: `namesIn(id).workspaces`. */
export function namesIn(id: string): Readonly<Record<string, string | undefined>> {
  const segments = id.split("/").slice(1);
  const names: Record<string, string> = {};
  for (let index = 0; index + 1 < segments.length; index += 2) {
    names[(segments[index] ?? "").toLowerCase()] = segments[index + 1] ?? "";
  }
  return names;
}

/** Whether a text is the ARM id of a cluster or file server. */
export function isWorkspaceChildId(id: string, kind: "clusters" | "fileServers"): boolean {
  const workspace = "/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\\.BatchAI/workspaces/[^/]+";
  return new RegExp(`^${workspace}/${kind}/[^/]+$`, "i").test(id);
}

/** How asynchronous operations name a resource: the names in its id joined by `$`. */
export function referenceOf(id: string): string {
  const names = namesIn(id);
  const { subscriptions, resourcegroups, workspaces, clusters, fileservers, experiments, jobs } = names;
  return [subscriptions, resourcegroups, workspaces, clusters, fileservers, experiments, jobs]
    .filter((name) => name !== undefined)
    .join("$");
}
