import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Job } from "../../models/job.ts";
import { cluster as clusterSchema } from "../../wire/cluster.ts";
import { job as jobSchema } from "../../wire/job.ts";
import { withSecrets } from "../../wire/secrets.ts";
import type { LaunchPlan, LaunchSecrets } from "../engines/engine.ts";
import { type JobLaunch, planJob } from "../launch/job.ts";
import { StartError } from "../startError.ts";
import type { Node } from "../state/nodes.ts";
import type { StoredResource } from "../state/resources.ts";
import type { OutputLocation } from "../state/runs.ts";
import type { SchedulerContext } from "./context.ts";
import { durationInMs } from "./duration.ts";
import { nodeDirectoryOf, runDirectoryOf } from "../dataFolders.ts";
import { markEnded, markRunning } from "./jobStates.ts";
import { mountsOf } from "../volumes/syncMounts.ts";
import type { VolumeMount } from "../volumes/volume.ts";
import { locationOnShare } from "../volumes/volumes.ts";
import type { PreparedRun } from "./preparedRun.ts";

/**
 * Gives nodes to a job and stores the run that is to be started. Runs inside a transaction of the caller. A job that
 * cannot be launched (a share that cannot be mounted, a path that leads nowhere) ends here; then there is no run.
 */
export function prepareJobRun(
  context: SchedulerContext,
  job: StoredResource<"jobs">,
  cluster: StoredResource<"clusters">,
  nodes: readonly Node[],
): PreparedRun | undefined {
  const { store, engine } = context;
  try {
    const { plan, secrets, outputs } = launchOf(context, job, cluster, nodes);
    for (const node of nodes) store.nodes.occupy(node.id, job.key);
    markRunning(store, job);
    const run = store.runs.insert({
      id: plan.runId,
      kind: "job",
      owner: job.key,
      nodes: nodes.map((node) => node.id),
      handle: engine.handleFor(plan),
      outputs,
      deadline: deadlineOf(job.model),
    });
    return { run, plan, secrets };
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    markEnded(store, job, { error: error.error });
    return undefined;
  }
}

function deadlineOf({ constraints }: Job): Date | undefined {
  const limit = constraints?.maxWallClockTime;
  return limit === undefined ? undefined : new Date(Math.min(Date.now() + durationInMs(limit), lastTime));
}

/** The end of the year 9999: up to it, ISO 8601 text sorts as time does, and the store relies on that. */
const lastTime = Date.UTC(9999, 11, 31);

interface Launch {
  readonly plan: LaunchPlan;
  readonly secrets: LaunchSecrets;
  readonly outputs: Record<string, OutputLocation>;
}

function launchOf(
  context: SchedulerContext,
  job: StoredResource<"jobs">,
  cluster: StoredResource<"clusters">,
  nodes: readonly Node[],
): Launch {
  const { vault } = context.store;
  const jobWithSecrets = withSecrets(jobSchema, job.model, vault.get(job.key));
  const clusterWithSecrets = withSecrets(clusterSchema, cluster.model, vault.get(cluster.key));
  const runId = randomUUID();
  const runDirectory = runDirectoryOf(context, runId);
  const clusterMountRoot = join(runDirectory, "cluster");
  const jobMountRoot = join(runDirectory, "mounts");
  const clusterMounts = mountsOf(clusterWithSecrets.nodeSetup?.mountVolumes, clusterMountRoot, context.volumes);
  const jobMounts = mountsOf(jobWithSecrets.mountVolumes, jobMountRoot, context.volumes);
  const launch = planJob({
    job: job.model,
    runId,
    runDirectory,
    nodes: nodes.map(({ id }) => ({ nodeId: id, address: "127.0.0.1", tempRoot: nodeDirectoryOf(context, id) })),
    clusterMountRoot,
    clusterMounts,
    jobMountRoot,
    jobMounts,
    nodeEnvironment: context.engine.nodeEnvironment(),
  });
  return {
    plan: context.ignoreContainerSettings ? { ...launch.plan, container: undefined } : launch.plan,
    secrets: secretsOf(jobWithSecrets),
    outputs: outputLocations(launch.outputs, [...clusterMounts, ...jobMounts]),
  };
}

function secretsOf({ secrets = [], containerSettings }: Job): LaunchSecrets {
  const environment = Object.fromEntries(secrets.map(({ name, value = "" }) => [name, value]));
  const registryPassword = containerSettings?.imageSourceRegistry.credentials?.password;
  return registryPassword === undefined ? { environment } : { environment, registryPassword };
}

/** Returns the place of each output directory, and the share that contains it. */
function outputLocations(
  outputs: JobLaunch["outputs"],
  mounts: readonly VolumeMount[],
): Record<string, OutputLocation> {
  return Object.fromEntries(
    Object.entries(outputs).map(([id, path]) => [id, { path, share: locationOnShare(path, mounts) }]),
  );
}
