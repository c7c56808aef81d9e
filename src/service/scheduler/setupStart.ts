import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { cluster as clusterSchema } from "../../wire/cluster.ts";
import { withSecrets } from "../../wire/secrets.ts";
import { planSetupTask } from "../launch/setupTask.ts";
import type { Node } from "../state/nodes.ts";
import type { StoredResource } from "../state/resources.ts";
import type { SchedulerContext } from "./context.ts";
import { nodeDirectoryOf, runDirectoryOf } from "../dataFolders.ts";
import { mountsOf } from "../volumes/syncMounts.ts";
import type { PreparedRun } from "./preparedRun.ts";

/**
 * Mounts the volumes of a cluster on a new node, and stores the run of its set-up task, if it has one. Runs inside a
 * transaction of the caller.
 * @throws MountError when a volume cannot be mounted, StartError when the task cannot be launched as it was written.
 */
export function prepareSetup(
  context: SchedulerContext,
  cluster: StoredResource<"clusters">,
  node: Node,
): PreparedRun | undefined {
  const { store, engine } = context;
  const { nodeSetup } = withSecrets(clusterSchema, cluster.model, store.vault.get(cluster.key));
  const runId = randomUUID();
  const runDirectory = runDirectoryOf(context, runId);
  const clusterMountRoot = join(runDirectory, "cluster");
  const clusterMounts = mountsOf(nodeSetup?.mountVolumes, clusterMountRoot, context.volumes);
  if (!nodeSetup?.setupTask) return undefined;
  const { secrets = [], ...setupTask } = nodeSetup.setupTask;
  const plan = planSetupTask({
    setupTask,
    runId,
    runDirectory,
    node: { nodeId: node.id, address: "127.0.0.1", tempRoot: nodeDirectoryOf(context, node.id) },
    clusterMountRoot,
    clusterMounts,
    nodeEnvironment: engine.nodeEnvironment(),
  });
  const run = store.runs.insert({
    id: runId,
    kind: "setupTask",
    owner: node.id,
    nodes: [node.id],
    handle: engine.handleFor(plan),
    outputs: {},
    deadline: undefined,
  });
  const environment = Object.fromEntries(secrets.map(({ name, value = "" }) => [name, value]));
  return { run, plan, secrets: { environment } };
}
