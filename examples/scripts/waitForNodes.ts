// Waits until a cluster has its nodes.

import { openWorkplace } from "./workplace.ts";

const { client, group, workspace, cluster, close } = await openWorkplace();
try {
  const ready = await client.clusters.waitForNodes(group, workspace, cluster, {
    onProgress: ({ readyNodeCount, wantedNodeCount, nodeStateCounts }) => {
      console.log(
        `${readyNodeCount} of ${wantedNodeCount} nodes, ${nodeStateCounts.preparingNodeCount} being prepared`,
      );
    },
  });
  console.log(`${ready.name} is ${ready.allocationState}.`);
} finally {
  await close();
}
