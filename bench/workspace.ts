/** Subscription of the stub. */
export const subscriptionId = "00000000-0000-0000-0000-000000000000";

/** Path of the stub's only workspace. */
export const workspacePath = `/subscriptions/${subscriptionId}/resourceGroups/group/providers/Microsoft.BatchAI/workspaces/work`;
