import { createHash } from "node:crypto";
import type { Cluster } from "../../models/cluster.ts";
import { abortable } from "../abortable.ts";
import type { Engine, LaunchAllocation } from "../engines/engine.ts";
import type { HostSetup, JobLaunchContext } from "../launch/job.ts";
import { planSetupTask } from "../launch/setupTask.ts";
import type { SchedulerContext } from "./context.ts";

/** What the setup of the hosts of a job is planned from. */
interface HostSetupContext {
  readonly cluster: Cluster;
  readonly launch: JobLaunchContext;
  readonly engine: Engine;
  readonly allocation: LaunchAllocation;
  readonly abortSignal: AbortSignal;
}

/**
 * Plans the setup task of a cluster in Slurm as a part of a job, because a host is unknown before; undefined if the cluster
 * has none. It runs on the host itself, also if the job runs in a container.
 */
export async function planHostSetup(
  { serviceVariables }: Pick<SchedulerContext, "serviceVariables">,
  { cluster, launch, engine, allocation, abortSignal }: HostSetupContext,
  clusterKey: string,
): Promise<HostSetup | undefined> {
  const setupTask = cluster.nodeSetup?.setupTask;
  if (setupTask === undefined) return undefined;
  const { environment } = await abortable(engine.surroundings({ allocation }, { abortSignal }), abortSignal);
  const plans = launch.nodes.map((node) =>
    planSetupTask({ ...launch, setupTask, node, nodeEnvironment: environment, serviceVariables }),
  );
  return { key: setupKeyOf(clusterKey, cluster), plans };
}

/** A cluster that is created again sets its hosts up again. */
function setupKeyOf(clusterKey: string, { creationTime }: Cluster): string {
  const made = creationTime?.toISOString() ?? "";
  return createHash("sha256").update(`${clusterKey}\n${made}`).digest("hex").slice(0, 16);
}
