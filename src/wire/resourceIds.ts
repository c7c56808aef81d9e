/** Namespace of the resource provider in ARM IDs and paths. */
export const providerNamespace = "Microsoft.BatchAI";

/** Kinds of resources. */
export type ResourceKind = "resourceGroups" | "workspaces" | "clusters" | "fileServers" | "experiments" | "jobs";

/** Returns the ARM ID of a resource group. IDs keep the spelling of the request that created the resource. */
export function resourceGroupId(subscriptionId: string, resourceGroup: string): string {
  return `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}`;
}

/** Returns the ARM ID of a workspace. */
export function workspaceId(subscriptionId: string, resourceGroup: string, workspace: string): string {
  return `${resourceGroupId(subscriptionId, resourceGroup)}/providers/${providerNamespace}/workspaces/${workspace}`;
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

/** Collections in the ARM IDs of each kind of resource, in lowercase. */
const collections: Readonly<Record<ResourceKind, string>> = {
  resourceGroups: "subscriptions/resourcegroups",
  workspaces: "subscriptions/resourcegroups/providers/workspaces",
  clusters: "subscriptions/resourcegroups/providers/workspaces/clusters",
  fileServers: "subscriptions/resourcegroups/providers/workspaces/fileservers",
  experiments: "subscriptions/resourcegroups/providers/workspaces/experiments",
  jobs: "subscriptions/resourcegroups/providers/workspaces/experiments/jobs",
};

/** Returns the kind of the resource that an ARM ID names; undefined if the text is not the ARM ID of a resource. */
export function resourceKind(id: string): ResourceKind | undefined {
  const [start, ...segments] = id.toLowerCase().split("/");
  if (start !== "" || segments.length % 2 !== 0 || segments.includes("")) return undefined;
  const found = segments.filter((_, index) => index % 2 === 0).join("/");
  const provider = namesIn(id).providers ?? providerNamespace;
  if (provider.toLowerCase() !== providerNamespace.toLowerCase()) return undefined;
  return (Object.keys(collections) as ResourceKind[]).find((kind) => collections[kind] === found);
}

/** Whether a text is the ARM ID of a cluster or file server. */
export function isWorkspaceChildId(id: string, kind: "clusters" | "fileServers"): boolean {
  return resourceKind(id) === kind;
}

/**
 * Returns the ARM ID of the resource in the URL of a request: to the resource, to one of its actions such as `terminate`,
 * or to a list in it. Returns undefined if the URL names no resource.
 */
export function resourceIdInUrl(url: string): string | undefined {
  const path = resourcePathInUrl(url);
  return resourceKind(path) === undefined ? undefined : decodeURIComponent(path);
}

/** Returns the kind of the resource in the URL of a request; see {@link resourceIdInUrl}. */
export function resourceKindInUrl(url: string): ResourceKind | undefined {
  return resourceKind(resourcePathInUrl(url));
}

/** Returns the action in the URL of a request, for example `terminate`, or the collection that a request lists. */
export function actionInUrl(url: string): string | undefined {
  return splitUrl(url).action;
}

function resourcePathInUrl(url: string): string {
  return splitUrl(url).path;
}

/** The endpoint of a service can have a path, which precedes the ARM ID. */
function splitUrl(url: string): { path: string; action?: string } {
  const { pathname } = new URL(url);
  const path = pathname.slice(Math.max(0, pathname.search(/\/subscriptions\//i)));
  // Collections and names alternate, so a job named `terminate` is not an action.
  if (path.split("/").length % 2 === 1) return { path };
  const end = path.lastIndexOf("/");
  return { path: path.slice(0, end), action: path.slice(end + 1) };
}

/** Returns the name of a resource in the IDs of asynchronous operations: the names in its ID, joined by `$`. */
export function referenceOf(id: string): string {
  const names = namesIn(id);
  const { subscriptions, resourcegroups, workspaces, clusters, fileservers, experiments, jobs } = names;
  return [subscriptions, resourcegroups, workspaces, clusters, fileservers, experiments, jobs]
    .filter((name) => name !== undefined)
    .join("$");
}
