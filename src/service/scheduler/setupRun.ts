import { randomUUID } from "node:crypto";
import type { Cluster } from "../../models/cluster.ts";
import { cluster as clusterSchema } from "../../wire/tables/cluster.ts";
import { withSecrets } from "../../wire/secrets.ts";
import { abortable } from "../abortable.ts";
import { planSetupTask } from "../launch/setupTask.ts";
import type { Node } from "../state/nodes.ts";
import type { StoredResource } from "../state/resources.ts";
import { attachVolumes } from "../volumes/volumes.ts";
import type { SchedulerContext } from "./context.ts";
import { placeOf } from "./nodePlace.ts";
import { limitsOf } from "./runLimits.ts";
import { secretVariables } from "./secretVariables.ts";
import type { Launch, StartingRun } from "./startingRun.ts";
import { clusterVolumesOf } from "./volumeOwners.ts";

/**
 * Stores the run that mounts the volumes of a cluster on a new node and carries out its setup task; undefined if the
 * cluster has neither, or if its nodes are in Slurm: then each job does both. Runs inside a transaction of the caller, so
 * nothing here may wait.
 */
export function setUpNode(
  context: SchedulerContext,
  { key, model }: StoredResource<"clusters">,
  node: Node,
): StartingRun | undefined {
  const { setupTask, mountVolumes } = model.nodeSetup ?? {};
  if (setupTask === undefined && mountVolumes === undefined) return undefined;
  if (context.nodeTypes.of(model.vmSize).slurm !== undefined) return undefined;
  const run = context.store.runs.insert({
    id: randomUUID(),
    kind: "setupTask",
    owner: node.id,
    nodes: [node.id],
    gpus: {},
    deadline: undefined,
  });
  return { run, prepare: (abortSignal) => prepareSetup(context, run.id, model, key, node, abortSignal) };
}

async function prepareSetup(
  { store, engines, folders, volumes, serviceVariables, nodeTypes, gpus }: SchedulerContext,
  runId: string,
  cluster: Cluster,
  clusterKey: string,
  node: Node,
  abortSignal: AbortSignal,
): Promise<Launch | undefined> {
  const { nodeSetup } = withSecrets(clusterSchema, cluster, store.vault.get(clusterKey));
  const engine = await engines.choose({});
  const clusterMountRoot = folders.clusterMountRoot(clusterKey);
  await folders.wipeNodes([node.id]);
  const clusterVolumes = clusterVolumesOf({ store, folders }, clusterKey, runId);
  const clusterMounts = await attachVolumes(nodeSetup?.mountVolumes, clusterVolumes, volumes, abortSignal);
  const setupTask = cluster.nodeSetup?.setupTask;
  if (setupTask === undefined) return undefined;
  const { environment } = await abortable(engine.surroundings({}, { abortSignal }), abortSignal);
  const nodeType = nodeTypes.of(cluster.vmSize);
  const plan = planSetupTask({
    setupTask,
    runId,
    runDirectory: folders.run(runId),
    node: placeOf(node, folders, nodeType),
    hiddenMakers: gpus.hiddenMakers(),
    limits: limitsOf(nodeType, [node]),
    clusterMountRoot,
    clusterMounts,
    nodeEnvironment: environment,
    serviceVariables,
  });
  const secrets = { environment: secretVariables(nodeSetup?.setupTask?.secrets) };
  return { engine, plan, secrets, outputs: {} };
}
