import type { ServiceContext } from "../http/context.ts";
import { childId, providerNamespace, resourceGroupId, workspaceId } from "../wire/resourceIds.ts";

/** Paths of the API, with placeholders such as `{jobName}`. */
export const paths = buildPaths();

/** Builds the paths. A function, because bundlers can omit unused calls. */
// @__NO_SIDE_EFFECTS__
function buildPaths() {
  const provider = `/providers/${providerNamespace}`;
  const subscription = `/subscriptions/{subscriptionId}${provider}`;
  const resourceGroup = resourceGroupId("{subscriptionId}", "{resourceGroupName}");
  const workspace = workspaceId("{subscriptionId}", "{resourceGroupName}", "{workspaceName}");
  const experiment = childId(workspace, "experiments", "{experimentName}");
  return {
    operations: `${provider}/operations`,
    usages: `${subscription}/locations/{location}/usages`,
    allWorkspaces: `${subscription}/workspaces`,
    workspaces: `${resourceGroup}${provider}/workspaces`,
    workspace,
    clusters: `${workspace}/clusters`,
    cluster: childId(workspace, "clusters", "{clusterName}"),
    // IDs of file servers contain `fileservers`, but requests have always used `fileServers`.
    fileServers: `${workspace}/fileServers`,
    fileServer: `${workspace}/fileServers/{fileServerName}`,
    experiments: `${workspace}/experiments`,
    experiment,
    jobs: `${experiment}/jobs`,
    job: childId(experiment, "jobs", "{jobName}"),
  } as const;
}

/** Returns the ARM ID of the resource at a path: `names` are the values of its placeholders after the subscription. */
export function idOf({ subscriptionId }: ServiceContext, path: string, names: readonly string[]): string {
  const values = [subscriptionId, ...names];
  return path.replaceAll(/\{\w+\}/g, () => values.shift() ?? "");
}
