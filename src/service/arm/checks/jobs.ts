import type { Job, JobCreateParameters } from "../../../models/job.ts";
import type { ValidationIssue } from "../../../wire/validate.ts";
import { durationInMs } from "../../scheduler/duration.ts";
import { launchIssueOf, toolkitIssueOf } from "../../scheduler/jobCheck.ts";
import { isWorkspaceChildId } from "../../../wire/resourceIds.ts";
import { variableIssues } from "./variables.ts";
import { noKeyVault, volumeIssues } from "../../volumes/checks.ts";

/** The rules for a new job that its wire table cannot express. */
export function jobIssues(parameters: JobCreateParameters): ValidationIssue[] {
  const issues = [
    ...clusterIssuesOf(parameters),
    ...containerIssues(parameters),
    ...volumeIssues(parameters.mountVolumes, "properties.mountVolumes"),
    ...variableIssues(parameters.environmentVariables, parameters.secrets, "properties"),
    ...wallClockIssues(parameters),
  ];
  const toolkit = toolkitIssueOf(parameters);
  if (toolkit) issues.push(toolkit);
  return issues;
}

/** Paths that cannot be worked out; looked for when everything else is in order. */
export function pathIssues(job: Job): ValidationIssue[] {
  const issue = launchIssueOf(job);
  return issue ? [issue] : [];
}

function clusterIssuesOf({ cluster }: JobCreateParameters): ValidationIssue[] {
  if (isWorkspaceChildId(cluster.id, "clusters")) return [];
  return [{ path: "properties.cluster.id", message: "must be the ARM id of a cluster, as clusters.get answers it" }];
}

function containerIssues({ containerSettings }: JobCreateParameters): ValidationIssue[] {
  const credentials = containerSettings?.imageSourceRegistry.credentials;
  const path = "properties.containerSettings.imageSourceRegistry.credentials";
  if (credentials?.passwordSecretReference) {
    return [{ path: `${path}.passwordSecretReference`, message: `${noKeyVault} password` }];
  }
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
