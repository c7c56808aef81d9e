import type { FastifyInstance } from "fastify";
import { serialize } from "../../../wire/serialize.ts";
import { usage } from "../../../wire/tables/usage.ts";
import { GpuSupply } from "../../scheduler/gpuSupply.ts";
import type { Store } from "../../state/store.ts";
import type { ArmContext, ArmRequest } from "../context.ts";
import { locationOf } from "../resourcesInPath.ts";
import { locationIn } from "../parameters.ts";
import { subscriptionPath } from "./paths.ts";

/** Maximum number of clusters. */
export const clusterLimit = 200;

/** Limit that the API returns if there is none. */
const unlimited = -1;

/** The operation group Usages: clusters, virtual cores and GPUs in use in a region. */
export function usageRoutes(app: FastifyInstance, context: ArmContext): void {
  app.get(`${subscriptionPath}/providers/Microsoft.BatchAI/locations/:location/usages`, (request: ArmRequest) => {
    const { store, nodeTypes } = context;
    const location = locationIn(request).toLowerCase();
    const counted = clustersIn(store, location);
    const cores = (priority: string) =>
      counted
        .filter((cluster) => cluster.priority === priority)
        .reduce((sum, { nodes, size }) => sum + nodes * nodeTypes.coresOf(size), 0);
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
        ...gpuUsages(new GpuSupply(context)),
      ],
    };
  });
}

/** All regions share the GPUs of this machine. */
function gpuUsages(supply: GpuSupply): Record<string, unknown>[] {
  if (supply.statuses.length === 0) return [];
  return [usageOf("GPUs", "GPUs of the machine", supply.heldCount, supply.usableCount)];
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
