import type { Cluster } from "../../../models/cluster.ts";
import type { JobCreateParameters } from "../../../models/job.ts";
import { isWorkspaceChildId } from "../../../wire/resourceIds.ts";
import type { ValidationIssue } from "../../../wire/validate.ts";
import { keyVaultIssue } from "../../keyVault.ts";
import { durationInMs } from "../../duration.ts";
import { toolkitIssues } from "../../toolkits/toolkits.ts";
import { volumeIssues } from "../../volumes/volumes.ts";
import { scaleLimitOf } from "../../scheduler/scaling.ts";
import { atMost, mostNodes } from "./clusters.ts";
import { variableIssues } from "./variables.ts";
import { wordIssues } from "../../words.ts";

const priorities = ["low", "normal", "high"];

/** Returns the problems of a new job that its wire table cannot express. */
export function jobIssues(parameters: JobCreateParameters): ValidationIssue[] {
  return [
    ...clusterReferenceIssues(parameters),
    ...wordIssues(parameters.schedulingPriority, priorities, "properties.schedulingPriority"),
    ...atMost(parameters.nodeCount, mostNodes, "properties.nodeCount"),
    ...containerIssues(parameters),
    ...volumeIssues(parameters.mountVolumes, "properties.mountVolumes"),
    ...variableIssues(parameters.environmentVariables, parameters.secrets, "properties"),
    ...wallClockIssues(parameters),
    ...toolkitIssues(parameters),
  ];
}

/** Returns the problem of a job that needs more nodes than its automatically scaled cluster ever gets. */
export function nodeCountIssues(nodeCount: number, { scaleSettings }: Cluster): ValidationIssue[] {
  const { property, count } = scaleLimitOf(scaleSettings);
  if (!scaleSettings?.autoScale || nodeCount <= count) return [];
  const message =
    `must be at most ${String(count)}, the most nodes that the cluster can have (scaleSettings.${property}), ` +
    `got ${String(nodeCount)}. Raise that number first, for example with clusters.update`;
  return [{ path: "properties.nodeCount", message }];
}

function clusterReferenceIssues({ cluster }: JobCreateParameters): ValidationIssue[] {
  if (isWorkspaceChildId(cluster.id, "clusters")) return [];
  return [{ path: "properties.cluster.id", message: "must be the ARM ID of a cluster, as clusters.get returns it" }];
}

function containerIssues({ containerSettings }: JobCreateParameters): ValidationIssue[] {
  const credentials = containerSettings?.imageSourceRegistry.credentials;
  const path = "properties.containerSettings.imageSourceRegistry.credentials";
  if (credentials?.passwordSecretReference) return [keyVaultIssue(path, "password")];
  return credentials && credentials.password === undefined
    ? [{ path: `${path}.password`, message: "is required" }]
    : [];
}

function wallClockIssues({ constraints }: JobCreateParameters): ValidationIssue[] {
  const limit = constraints?.maxWallClockTime;
  if (limit === undefined) return [];
  const path = "properties.constraints.maxWallClockTime";
  const message = `must be an ISO 8601 duration longer than zero, such as PT1H, got ${JSON.stringify(limit)}`;
  try {
    return durationInMs(limit) > 0 ? [] : [{ path, message }];
  } catch {
    return [{ path, message }];
  }
}
