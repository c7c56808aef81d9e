/** Paths of the API, with placeholders such as `{jobName}`. */
export const paths = pathsBelow("/providers/Microsoft.BatchAI");

/** Builds the paths. A function, because bundlers can omit unused calls. */
// @__NO_SIDE_EFFECTS__
function pathsBelow(provider: string) {
  const subscription = `/subscriptions/{subscriptionId}${provider}`;
  const resourceGroup = `/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}${provider}`;
  const workspace = `${resourceGroup}/workspaces/{workspaceName}`;
  const experiment = `${workspace}/experiments/{experimentName}`;
  return {
    operations: `${provider}/operations`,
    usages: `${subscription}/locations/{location}/usages`,
    allWorkspaces: `${subscription}/workspaces`,
    workspaces: `${resourceGroup}/workspaces`,
    workspace,
    clusters: `${workspace}/clusters`,
    cluster: `${workspace}/clusters/{clusterName}`,
    fileServers: `${workspace}/fileServers`,
    fileServer: `${workspace}/fileServers/{fileServerName}`,
    experiments: `${workspace}/experiments`,
    experiment,
    jobs: `${experiment}/jobs`,
    job: `${experiment}/jobs/{jobName}`,
  } as const;
}
