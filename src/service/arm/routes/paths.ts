/** Route of everything in the service's one subscription. */
export const subscriptionPath = "/subscriptions/:subscriptionId";

/** Route of one resource group. */
export const resourceGroupPath = `${subscriptionPath}/resourceGroups/:resourceGroupName`;

/** Route of the workspaces of a resource group. */
export const workspacesPath = `${resourceGroupPath}/providers/Microsoft.BatchAI/workspaces`;

/** Route of one workspace. */
export const workspacePath = `${workspacesPath}/:workspaceName`;
