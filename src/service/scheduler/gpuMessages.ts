import type { Cluster } from "../../models/cluster.ts";
import { namesIn } from "../../wire/resourceIds.ts";
import type { GpuProcess, GpuStatus } from "../nodes/gpus.ts";
import type { Store } from "../state/store.ts";
import type { GpuSupply } from "./gpuSupply.ts";
import { nodesOf, withoutPeriod } from "./shortage.ts";

/**
 * Says that a job lacks GPUs at the moment.
 * @param uses - The uses of all GPUs, by {@link usesOf}.
 */
export function lackMessage(supply: GpuSupply, count: number, uses: string): string {
  const free = supply.free().length;
  const isFree = free === 0 ? "no GPU of this machine is free" : `${ofMachine(free, supply.statuses.length)} free`;
  return `The job needs ${gpusOf(count)}, and ${isFree}. ${uses}`;
}

/** Returns who holds or uses each GPU, or why it is unhealthy. */
export function usesOf(store: Store, supply: GpuSupply): string {
  return sentencesOf(supply, (status) => useOf(store, supply, status));
}

/** Says that GPUs are free, but that a job gets them first which has waited for longer or has a higher priority. */
export function blockedMessage(nameOfFirst: string, count: number, free: number): string {
  const are = free === 1 ? "1 GPU is" : `${String(free)} GPUs are`;
  return `The job needs ${gpusOf(count)}, and ${are} free, but the job ${nameOfFirst} comes first and waits for GPUs too.`;
}

/** Says that a job needs more GPUs than the machine has. */
export function neverEnoughMessage(supply: GpuSupply, nodeCount: number, perNode: number): string {
  const needed =
    nodeCount === 1
      ? gpusOf(perNode)
      : `${nodesOf(nodeCount)} with ${gpusOf(perNode)} each, ${gpusOf(nodeCount * perNode)} together`;
  const smaller = nodeCount === 1 ? "" : "with a smaller nodeCount, or ";
  const advice = `Create the job ${smaller}on a cluster whose vmSize has fewer GPUs.`;
  return `The job needs ${needed}, and ${machineHas(supply)} ${advice}`;
}

/** Says that a cluster lacks nodes because the machine has too few GPUs. */
export function tooFewGpusMessage(supply: GpuSupply, { vmSize = "" }: Cluster, count: number): string {
  const perNode = supply.countPerNode({ vmSize });
  const possible = supply.usableNodeCount({ vmSize });
  const enough = possible === 0 ? "" : ` The usable GPUs are enough for ${nodesOf(possible)}.`;
  return (
    `${nodesOf(count)} of the cluster cannot be added: a node of the size ${vmSize} needs ${gpusOf(perNode)}, and ` +
    `${machineHas(supply)}${enough} The service adds the nodes as soon as the machine has enough usable GPUs.`
  );
}

function machineHas(supply: GpuSupply): string {
  const { usableCount, statuses } = supply;
  if (usableCount === statuses.length) return `this machine has ${gpusOf(usableCount)}.`;
  return `${ofMachine(usableCount, statuses.length)} usable. ${sentencesOf(supply, healthOf)}`;
}

function ofMachine(count: number, all: number): string {
  return `${String(count)} of the ${gpusOf(all)} of this machine ${count === 1 ? "is" : "are"}`;
}

/** Returns a sentence for each use of GPUs, with all GPUs of that use. GPUs without a use are left out. */
function sentencesOf(supply: GpuSupply, textOf: (status: GpuStatus) => string | undefined): string {
  const names = new Map<string, string[]>();
  for (const status of supply.statuses) {
    const text = textOf(status);
    if (text !== undefined) names.set(text, [...(names.get(text) ?? []), nameOf(status, supply)]);
  }
  return [...names].map(([text, gpus]) => `GPU ${gpus.join(", ")}: ${text}.`).join(" ");
}

function useOf(store: Store, supply: GpuSupply, status: GpuStatus): string | undefined {
  const holder = supply.holders.get(status.gpu.uuid);
  if (holder) return `held by the job ${nameOfJob(store, holder.owner)}`;
  const { outsideProcesses } = status;
  if (outsideProcesses.length === 0) return healthOf(status);
  return healthOf(status) ?? `used by ${outsideProcesses.map(nameOfProcess).join(" and ")} outside the service`;
}

function healthOf({ unhealthy }: GpuStatus): string | undefined {
  return unhealthy === undefined ? undefined : `unhealthy (${withoutPeriod(unhealthy)})`;
}

/** Parts of a GPU have the same index. So has a GPU that is gone as the one that the driver calls by its number since. */
function nameOf({ gpu }: GpuStatus, { statuses }: GpuSupply): string {
  const isShared = statuses.some((other) => other.gpu.index === gpu.index && other.gpu.uuid !== gpu.uuid);
  return gpu.isPart || isShared ? `${String(gpu.index)} (${gpu.uuid})` : String(gpu.index);
}

function nameOfProcess({ pid, user }: GpuProcess): string {
  return `process ${String(pid)}${user === undefined ? "" : ` of ${user}`}`;
}

/** Returns the names of the workspace, the experiment and the job. */
export function nameOfJob(store: Store, key: string): string {
  const names = namesIn(store.resources.find("jobs", key)?.model.id ?? key);
  return [names.workspaces, names.experiments, names.jobs].join("/");
}

function gpusOf(count: number): string {
  return count === 1 ? "1 GPU" : `${String(count)} GPUs`;
}
