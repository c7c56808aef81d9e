import type { FastifyInstance } from "fastify";
import { serialize } from "../../../wire/serialize.ts";
import { usage } from "../../../wire/tables/usage.ts";
import { coresOf } from "../../nodes/vmSizes.ts";
import type { Store } from "../../state/store.ts";
import type { ArmContext, ArmRequest } from "../context.ts";
import { locationOf } from "../resourcesInPath.ts";
import { locationIn } from "../parameters.ts";
import { subscriptionPath } from "./paths.ts";

/** Maximum number of clusters. */
export const clusterLimit = 200;

/** Limit that the API returns if there is none. */
const unlimited = -1;

/** The operation group Usages: clusters and virtual cores in use in a region. */
export function usageRoutes(app: FastifyInstance, { store }: ArmContext): void {
  app.get(`${subscriptionPath}/providers/Microsoft.BatchAI/locations/:location/usages`, (request: ArmRequest) => {
    const location = locationIn(request).toLowerCase();
    const counted = clustersIn(store, location);
    const cores = (priority: string) =>
      counted
        .filter((cluster) => cluster.priority === priority)
        .reduce((sum, { nodes, size }) => sum + nodes * coresOf(size), 0);
    return {
      value: [
        usageOf("Clusters", "Clusters", counted.length, clusterLimit),
        usageOf(
          "Total Cluster Dedicated Regional vCPUs",
          "Total Cluster Dedicated Regional vCPUs",
          cores("dedicated"),
          unlimited,
        ),
        usageOf(
          "Total Cluster LowPriority Regional vCPUs",
          "Total Cluster Low Priority Regional vCPUs",
          cores("lowpriority"),
          unlimited,
        ),
      ],
    };
  });
}

function clustersIn(store: Store, location: string): { priority: string; nodes: number; size: string }[] {
  const nodes = store.nodes.countByCluster();
  return store.resources
    .list("clusters")
    .filter((cluster) => locationOf(store, cluster).toLowerCase() === location)
    .map(({ key, model }) => ({
      priority: model.vmPriority ?? "dedicated",
      nodes: nodes.get(key) ?? 0,
      size: model.vmSize ?? "",
    }));
}

function usageOf(value: string, localizedValue: string, currentValue: number, limit: number): Record<string, unknown> {
  return serialize(usage, { unit: "Count", currentValue, limit, name: { value, localizedValue } });
}
