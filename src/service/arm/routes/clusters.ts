import { randomUUID } from "node:crypto";
import type { FastifyInstance } from "fastify";
import type { Cluster, ClusterCreateParameters, ScaleSettings } from "../../../models/cluster.ts";
import {
  cluster as clusterSchema,
  clusterCreateParameters,
  clusterUpdateParameters,
  imageReference,
  manualScaleSettings,
} from "../../../wire/tables/cluster.ts";
import { applyDefaults } from "../../../wire/defaults.ts";
import { secretsOf, withoutSecrets } from "../../../wire/secrets.ts";
import { serialize } from "../../../wire/serialize.ts";
import { setupTaskLaunchIssues } from "../../launch/launchIssues.ts";
import { nodeStateCountsOf } from "../../scheduler/clusterNodes.ts";
import { isHostError } from "../../scheduler/hostErrors.ts";
import { type Lacks, missingNodesOf } from "../../scheduler/missingNodes.ts";
import { namesIn } from "../../../wire/resourceIds.ts";
import type { NodeCounts } from "../../state/nodes.ts";
import type { StoredResource } from "../../state/resources.ts";
import type { Store } from "../../state/store.ts";
import { relativeMountPathsOf } from "../../volumes/relativeMountPaths.ts";
import { resourcePage, sendAccepted, sendResource } from "../responses.ts";
import { clusterIssues, scaleIssues } from "../checks/clusters.ts";
import type { ArmContext, ArmRequest } from "../context.ts";
import { createdBefore, requestDigest } from "../sameRequest.ts";
import { sendDeletion } from "./deletion.ts";
import { ArmError, invalidParameter } from "../errors.ts";
import { neededResources } from "../checks/neededResources.ts";
import {
  locationOf,
  refuseWhileDeleting,
  workspaceChildId,
  workspaceChildOf,
  workspaceOf,
} from "../resourcesInPath.ts";
import { bodyIn, nameIn } from "../parameters.ts";
import { noRemoteLogin } from "./remoteLogin.ts";
import { workspacePath } from "./paths.ts";
import { clusterLimit } from "./usages.ts";

const defaultImage = applyDefaults(imageReference, {
  publisher: "Canonical",
  offer: "UbuntuServer",
  sku: "16.04-LTS",
});
const defaultScaleSettings = { manual: applyDefaults(manualScaleSettings, { targetNodeCount: 0 }) };

/** The operation group Clusters. */
export function clusterRoutes(app: FastifyInstance, context: ArmContext): void {
  const { store, scheduler, subscriptionId } = context;
  const clusters = `${workspacePath}/clusters`;
  const cluster = `${clusters}/:clusterName`;

  app.get(clusters, (request: ArmRequest) =>
    resourcePage(context, request, "clusters", workspaceOf(context, request).key, (found) =>
      clusterBody(context, found),
    ),
  );

  app.get(cluster, (request: ArmRequest, reply) => {
    const found = workspaceChildOf(context, request, "clusters");
    return sendResource(reply, found, clusterBody(context, found));
  });

  app.put(cluster, async (request: ArmRequest, reply) => {
    const id = workspaceChildId(context, request, "clusters");
    const workspace = workspaceOf(context, request);
    refuseWhileDeleting(workspace);
    const parameters = withFixedDefaults(bodyIn(context, request, clusterCreateParameters));
    const issues = clusterIssues(parameters);
    if (issues.length > 0) throw invalidParameter(issues);
    const digest = requestDigest(context, parameters);
    if (!createdBefore(context, "clusters", id, digest)) await refuseUnusableSize(context, parameters);
    refuseWhileDeleting(workspaceOf(context, request));
    const found = createdBefore(context, "clusters", id, digest);
    if (found) return sendResource(reply, found, clusterBody(context, found));
    const { mountVolumes, setupTask } = parameters.nodeSetup ?? {};
    const needed = neededResources(store, mountVolumes, "properties.nodeSetup.mountVolumes");
    const mountPaths = relativeMountPathsOf(mountVolumes);
    const launchIssues = setupTask ? setupTaskLaunchIssues(setupTask, mountPaths, `/${randomUUID()}`) : [];
    if (launchIssues.length > 0) throw invalidParameter(launchIssues);
    const subnet = subnetOf(needed) ?? parameters.subnet;
    if (store.resources.count("clusters") >= clusterLimit) {
      const message = `This would exceed the quota of Microsoft.BatchAI/clusters: at most ${String(clusterLimit)}. Delete a cluster first.`;
      throw new ArmError("ClusterQuotaReached", message);
    }
    const operation = store.transaction(() => {
      const created = store.resources.insert("clusters", {
        id,
        parent: workspace.key,
        requestDigest: digest,
        model: clusterFrom({ ...parameters, subnet }, id, nameIn(request, "clusterName")),
      });
      store.vault.put(created.key, secretsOf(clusterCreateParameters, parameters));
      return store.operations.record("create", id, locationOf(store, created));
    });
    scheduler.wake();
    return sendAccepted(request, reply, subscriptionId, operation);
  });

  app.patch(cluster, (request: ArmRequest, reply) => {
    const found = workspaceChildOf(context, request, "clusters");
    refuseWhileDeleting(found);
    const { scaleSettings } = bodyIn(context, request, clusterUpdateParameters);
    const issues = scaleIssues(scaleSettings);
    if (issues.length > 0) throw invalidParameter(issues);
    const updated = scaleSettings ? rescaled(store, found, scaleSettings) : found;
    scheduler.wake();
    return sendResource(reply, updated, clusterBody(context, updated));
  });

  app.delete(cluster, (request: ArmRequest, reply) => {
    workspaceOf(context, request);
    const id = workspaceChildId(context, request, "clusters");
    return sendDeletion(context, request, reply, store.resources.find("clusters", id));
  });

  app.post(`${cluster}/listRemoteLoginInformation`, (request: ArmRequest) => {
    workspaceChildOf(context, request, "clusters");
    return noRemoteLogin;
  });
}

/** @throws ArmError if the engine of the nodes is missing. */
async function refuseUnusableSize({ scheduler }: ArmContext, { vmSize }: ClusterCreateParameters): Promise<void> {
  const message = await scheduler.problemOfSize(vmSize);
  if (message !== undefined) throw invalidParameter([{ path: "properties.vmSize", message }]);
}

/**
 * Stores new scale settings. The service then replaces unusable nodes at once, because their reason may be gone, and
 * forgets the hosts on which the setup task failed.
 */
function rescaled(
  store: Store,
  cluster: StoredResource<"clusters">,
  scaleSettings: ScaleSettings,
): StoredResource<"clusters"> {
  return store.transaction(() => {
    store.replacements.forget(cluster.key);
    const errors = cluster.model.errors?.filter((error) => !isHostError(error));
    return store.resources.write(cluster, {
      ...cluster.model,
      scaleSettings,
      errors: errors?.length ? errors : undefined,
    });
  });
}

/** Returns the body of a cluster with its current counters. */
function clusterBody(context: ArmContext, cluster: StoredResource<"clusters">): Record<string, unknown> {
  const { store, scheduler } = context;
  const { key, model } = cluster;
  const counts = store.nodes.countsOf(key);
  const lacks = scheduler.lacksOf(cluster);
  const missingNodes = missingNodesOf(model, counts, lacks);
  return serialize(clusterSchema, {
    ...model,
    errors: errorsOf(model, lacks),
    currentNodeCount: Object.values(counts).reduce((sum, count) => sum + count, 0),
    nodeStateCounts: nodeStateCountsOf(withWaitingAsIdle(context, cluster, counts)),
    ...(missingNodes ? { batchai: { missingNodes } } : {}),
  });
}

/** In Slurm, a node whose job waits does nothing yet. */
function withWaitingAsIdle(
  { store, nodeTypes }: ArmContext,
  { key, model }: StoredResource<"clusters">,
  counts: NodeCounts,
): NodeCounts {
  if (nodeTypes.of(model.vmSize).slurm === undefined) return counts;
  const waiting = store.nodes.countWithoutAddress(key);
  return { ...counts, idle: counts.idle + waiting, running: counts.running - waiting };
}

/** Returns the errors of a cluster. A lack of GPUs is found when they are read, so that it is never out of date. */
function errorsOf({ errors }: Cluster, { gpus }: Lacks): Cluster["errors"] {
  if (gpus === undefined) return errors;
  const { code, message } = gpus;
  return [...(errors ?? []), { code, message }];
}

/** Returns the parameters with the defaults of properties that are absent as a whole; bodyIn has added all others. */
function withFixedDefaults(parameters: ClusterCreateParameters): ClusterCreateParameters {
  const image = parameters.virtualMachineConfiguration?.imageReference ?? defaultImage;
  return {
    ...parameters,
    scaleSettings: parameters.scaleSettings ?? defaultScaleSettings,
    virtualMachineConfiguration: { imageReference: image },
  };
}

/** Returns the subnet of the first file server that the cluster mounts; the API shows it as the subnet of the cluster. */
function subnetOf(needed: readonly StoredResource[]): Cluster["subnet"] {
  return needed
    .map(({ model }) => ("subnet" in model ? model.subnet : undefined))
    .find((subnet) => subnet !== undefined);
}

function clusterFrom(parameters: ClusterCreateParameters, id: string, name: string): Cluster {
  const now = new Date();
  const { nodeSetup, ...others } = withoutSecrets(clusterCreateParameters, parameters);
  return {
    id,
    name,
    type: "Microsoft.BatchAI/workspaces/clusters",
    ...others,
    ...(nodeSetup ? { nodeSetup: withSuffix(nodeSetup, id) } : {}),
    creationTime: now,
    provisioningState: "succeeded",
    provisioningStateTransitionTime: now,
    allocationState: "resizing",
    allocationStateTransitionTime: now,
  };
}

/** Returns the node setup with a new output folder for its setup task: no two clusters share one. */
function withSuffix(nodeSetup: NonNullable<Cluster["nodeSetup"]>, id: string): NonNullable<Cluster["nodeSetup"]> {
  if (!nodeSetup.setupTask) return nodeSetup;
  const names = namesIn(id);
  const owner = [names.subscriptions, names.resourcegroups, "workspaces", names.workspaces, "clusters", names.clusters];
  const stdOutErrPathSuffix = [...owner, randomUUID()].join("/");
  return { ...nodeSetup, setupTask: { ...nodeSetup.setupTask, stdOutErrPathSuffix } };
}
