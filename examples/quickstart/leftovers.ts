import type { BatchAIManagementClient } from "../../src/index.ts";

/** Deletes the job and the cluster of an earlier run that did not complete. */
export async function deleteLeftovers(client: BatchAIManagementClient, resourceGroup: string): Promise<void> {
  for await (const experiment of client.experiments.listByWorkspace(resourceGroup, "myworkspace")) {
    if (experiment.name !== "myexperiment") continue;
    await client.jobs.delete(resourceGroup, "myworkspace", "myexperiment", "myjob");
  }
  await client.clusters.delete(resourceGroup, "myworkspace", "mycluster");
}
