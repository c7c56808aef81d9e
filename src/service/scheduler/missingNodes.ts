import type { Cluster, MissingNodes } from "../../models/cluster.ts";
import type { NodeCounts } from "../state/nodes.ts";
import type { StoredResource } from "../state/resources.ts";
import { nodesWithoutGpus, type SizingContext } from "./clusterNodes.ts";
import { tooFewGpusMessage } from "./gpuMessages.ts";
import { GpuSupply } from "./gpuSupply.ts";
import { type CurrentShortage, nodesOf, shortageMessage, withoutPeriod } from "./shortage.ts";

/** What keeps nodes from being added to a cluster or from getting ready. */
export interface Lacks {
  /** Nodes for which the machine has too few GPUs; undefined if it has enough. */
  readonly gpus: MissingNodes | undefined;
  readonly shortage: CurrentShortage | undefined;
}

/** Returns the nodes that a cluster lacks, and why; undefined if it lacks none. */
export function missingNodesOf(
  { errors = [] }: Cluster,
  { unusable, preparing }: NodeCounts,
  { gpus, shortage }: Lacks,
): MissingNodes | undefined {
  if (unusable > 0) {
    const reason = errors.map(({ message }) => message).find((message) => message !== undefined);
    const message =
      `${nodesOf(unusable)} of the cluster ${unusable === 1 ? "is" : "are"} unusable` +
      `${reason === undefined ? "" : `: ${withoutPeriod(reason)}`}. ` +
      "The service replaces unusable nodes after a pause, and at once if you change the scale settings.";
    return { count: unusable, code: "UnusableNodes", message };
  }
  if (gpus) return gpus;
  if (preparing > 0 && shortage) return { count: preparing, code: "Shortage", message: shortageMessage(shortage) };
  return undefined;
}

/** Returns the nodes that a cluster lacks because the machine has too few usable GPUs; undefined if it lacks none. */
export function nodesMissingGpus(
  context: SizingContext,
  cluster: StoredResource<"clusters">,
): MissingNodes | undefined {
  const supply = new GpuSupply(context);
  if (supply.countPerNode(cluster.model) === 0 || cluster.model.provisioningState !== "succeeded") return undefined;
  const count = nodesWithoutGpus(context, cluster);
  if (count === 0) return undefined;
  return { count, code: "NotEnoughGpus", message: tooFewGpusMessage(supply, cluster.model, count) };
}
