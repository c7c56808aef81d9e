/** The subscription that the stub is asked about. */
export const subscriptionId = "00000000-0000-0000-0000-000000000000";

/** Path of the one workspace that the stub has. */
export const workspacePath = `/subscriptions/${subscriptionId}/resourceGroups/group/providers/Microsoft.BatchAI/workspaces/work`;
