import type { JobCreateParameters } from "../../../models/job.ts";
import { isWorkspaceChildId } from "../../../wire/resourceIds.ts";
import type { ValidationIssue } from "../../../wire/validate.ts";
import { keyVaultIssue } from "../../keyVault.ts";
import { durationInMs } from "../../duration.ts";
import { toolkitIssues } from "../../toolkits/toolkits.ts";
import { volumeIssues } from "../../volumes/volumes.ts";
import { variableIssues } from "./variables.ts";

/** Returns the problems of a new job that its wire table cannot express. */
export function jobIssues(parameters: JobCreateParameters): ValidationIssue[] {
  return [
    ...clusterReferenceIssues(parameters),
    ...containerIssues(parameters),
    ...volumeIssues(parameters.mountVolumes, "properties.mountVolumes"),
    ...variableIssues(parameters.environmentVariables, parameters.secrets, "properties"),
    ...wallClockIssues(parameters),
    ...toolkitIssues(parameters),
  ];
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
