import { randomUUID } from "node:crypto";
import type { Cluster } from "../../models/cluster.ts";
import type { Job } from "../../models/job.ts";
import { cluster as clusterSchema } from "../../wire/tables/cluster.ts";
import { job as jobSchema } from "../../wire/tables/job.ts";
import { withSecrets } from "../../wire/secrets.ts";
import type { LaunchAllocation, LaunchSecrets, RunNeeds } from "../engines/engine.ts";
import { abortable } from "../abortable.ts";
import { containerOf, type JobLaunchContext, planJob } from "../launch/job.ts";
import type { Node } from "../state/nodes.ts";
import type { Run, RunGpus } from "../state/runs.ts";
import type { StoredResource } from "../state/resources.ts";
import { attachVolumes, locationOnVolume } from "../volumes/volumes.ts";
import { allocationOf } from "./allocation.ts";
import type { SchedulerContext } from "./context.ts";
import { planHostSetup } from "./hostSetup.ts";
import { markStarting } from "./jobStates.ts";
import { placeOf } from "./nodePlace.ts";
import { secretVariables } from "./secretVariables.ts";
import { StartLog } from "./startLog.ts";
import { limitsOf } from "./runLimits.ts";
import type { Launch, StartingRun } from "./startingRun.ts";
import { deadlineOf } from "./timeLimit.ts";
import { clusterVolumesOf } from "./volumeOwners.ts";

/**
 * Gives nodes to a job and stores its run. Runs inside a transaction of the caller, so nothing here may wait.
 * @param gpus - The GPUs of the job on each node. Default: none.
 */
export function takeNodes(
  context: SchedulerContext,
  job: StoredResource<"jobs">,
  cluster: StoredResource<"clusters">,
  nodes: readonly Node[],
  gpus: RunGpus = {},
): StartingRun {
  const { store, engines, nodeTypes } = context;
  const settings = { ...job.model, ...(context.ignoreContainerSettings ? { containerSettings: undefined } : {}) };
  const mayWait = engines.mayQueue(
    needsOf(settings, gpus, allocationOf(nodeTypes.of(cluster.model.vmSize), job.model)),
  );
  for (const node of nodes) store.nodes.occupy(node.id, job.key);
  markStarting(store, job, mayWait);
  const run = store.runs.insert({
    id: randomUUID(),
    kind: "job",
    owner: job.key,
    nodes: nodes.map((node) => node.id),
    gpus,
    deadline: mayWait ? undefined : deadlineOf(job.model, store.clock),
  });
  const models = { job: settings, cluster: cluster.model };
  const keys = { job: job.key, cluster: cluster.key };
  return { run, prepare: (abortSignal) => prepareJob(context, run, models, keys, nodes, abortSignal) };
}

function needsOf(job: Job, gpus: RunGpus, allocation: LaunchAllocation | undefined): RunNeeds {
  const gpuCount = Object.values(gpus).flat().length;
  return { container: containerOf(job), gpuCount, ...(allocation && { allocation }) };
}

async function prepareJob(
  context: SchedulerContext,
  { id: runId, gpus: gpusOfRun }: Run,
  models: { readonly job: Job; readonly cluster: Cluster },
  keys: { readonly job: string; readonly cluster: string },
  nodes: readonly Node[],
  abortSignal: AbortSignal,
): Promise<Launch> {
  const { store, engines, folders, volumes, serviceVariables, nodeTypes, gpus } = context;
  const job = withSecrets(jobSchema, models.job, store.vault.get(keys.job));
  const cluster = withSecrets(clusterSchema, models.cluster, store.vault.get(keys.cluster));
  const nodeType = nodeTypes.of(models.cluster.vmSize);
  const allocation = allocationOf(nodeType, job);
  const needs = needsOf(job, gpusOfRun, allocation);
  const engine = await engines.choose(needs);
  const isFar = allocation !== undefined;
  const jobFolders = folders.job(keys.job);
  const clusterMountRoot = folders.clusterMountRoot(keys.cluster);
  await folders.wipeNodes(nodes.map(({ id }) => id));
  const clusterVolumes = { ...clusterVolumesOf({ store, folders }, keys.cluster, runId), isFar };
  const clusterMounts = await attachVolumes(cluster.nodeSetup?.mountVolumes, clusterVolumes, volumes, abortSignal);
  const jobVolumes = { ...folders.jobVolumes(keys.job), isFar };
  const jobMounts = await attachVolumes(job.mountVolumes, jobVolumes, volumes, abortSignal);
  const places = nodes.map((node) => placeOf(node, folders, nodeType, gpusOfRun[node.id]));
  const launch: JobLaunchContext = {
    job: models.job,
    runId,
    runDirectory: folders.run(runId),
    nodes: places,
    // Slurm gives its GPUs out itself, and limits what runs on its nodes.
    ...(allocation ? { allocation } : { hiddenMakers: gpus.hiddenMakers(), limits: limitsOf(nodeType, nodes) }),
    slotsWithoutGpu: nodeTypes.slotsOf(models.cluster.vmSize),
    clusterMountRoot,
    clusterMounts,
    jobFolders,
    jobMounts,
    // In a container, the home folder is that of the image.
    serviceVariables: needs.container ? { ...serviceVariables, privateHome: false } : serviceVariables,
  };
  const locationsOf = (outputs: Readonly<Record<string, string>>): Launch["outputs"] => {
    const mounts = [...clusterMounts, ...jobMounts];
    const locations = Object.entries(outputs).map(([id, path]) => [id, { path, ...locationOnVolume(path, mounts) }]);
    return Object.fromEntries(locations) as Launch["outputs"];
  };
  const startLog = new StartLog(() => {
    const { plan, outputs } = planJob(launch);
    store.runs.setOutputs(runId, locationsOf(outputs));
    return plan;
  });
  const { environment } = await startLog.during((report) =>
    abortable(engine.surroundings(needs, { secrets: secretsIn(job), report, abortSignal }), abortSignal),
  );
  const setup =
    allocation && (await planHostSetup(context, { engine, launch, ...models, allocation, abortSignal }, keys.cluster));
  const { plan, outputs } = planJob({ ...launch, nodeEnvironment: environment, hostSetup: setup });
  return {
    engine,
    plan,
    secrets: {
      ...secretsIn(job),
      ...(setup && { oncePerHost: secretVariables(cluster.nodeSetup?.setupTask?.secrets) }),
    },
    outputs: locationsOf(outputs),
  };
}

function secretsIn({ secrets, containerSettings }: Job): LaunchSecrets {
  const environment = secretVariables(secrets);
  const registryPassword = containerSettings?.imageSourceRegistry.credentials?.password;
  return registryPassword === undefined ? { environment } : { environment, registryPassword };
}
