import type { ClusterCreateParameters, ScaleSettings } from "../../../models/cluster.ts";
import type { ValidationIssue } from "../../../wire/validate.ts";
import { accountIssues } from "./accounts.ts";
import { variableIssues } from "./variables.ts";
import { wordIssues } from "../../words.ts";
import { volumeIssues } from "../../volumes/volumes.ts";

/** Most nodes of a cluster, and so of a job. */
export const mostNodes = 100;
const deallocationOptions = ["requeue", "terminate", "waitforjobcompletion"];

/** Returns the problems of a new cluster that its wire table cannot express. */
export function clusterIssues(parameters: ClusterCreateParameters): ValidationIssue[] {
  const { userAccountSettings, nodeSetup, scaleSettings } = parameters;
  const issues = [
    ...scaleIssues(scaleSettings),
    ...accountIssues(userAccountSettings, "properties.userAccountSettings"),
  ];
  if (nodeSetup?.performanceCountersSettings) {
    const message = "performance counters cannot be sent from this service. Leave it out";
    issues.push({ path: "properties.nodeSetup.performanceCountersSettings", message });
  }
  const task = nodeSetup?.setupTask;
  issues.push(...volumeIssues(nodeSetup?.mountVolumes, "properties.nodeSetup.mountVolumes"));
  issues.push(...variableIssues(task?.environmentVariables, task?.secrets, "properties.nodeSetup.setupTask"));
  return issues;
}

/** Returns the problems of scale settings, which need exactly one kind and consistent numbers. */
export function scaleIssues(settings: ScaleSettings | undefined): ValidationIssue[] {
  const path = "properties.scaleSettings";
  if (!settings) return [];
  const { manual, autoScale } = settings;
  if ((manual === undefined) === (autoScale === undefined)) {
    return [{ path, message: `exactly one of manual and autoScale is needed, got ${manual ? "both" : "none"}` }];
  }
  if (manual) {
    const { targetNodeCount, nodeDeallocationOption } = manual;
    return [
      ...atMost(targetNodeCount, mostNodes, `${path}.manual.targetNodeCount`),
      ...wordIssues(nodeDeallocationOption, deallocationOptions, `${path}.manual.nodeDeallocationOption`),
    ];
  }
  if (!autoScale) return [];
  const { minimumNodeCount: minimum, maximumNodeCount: maximum, initialNodeCount: initial = 0 } = autoScale;
  const issues = atMost(maximum, mostNodes, `${path}.autoScale.maximumNodeCount`);
  if (minimum > maximum) {
    issues.push({ path: `${path}.autoScale.minimumNodeCount`, message: "must not be greater than maximumNodeCount" });
  }
  if (initial > maximum) {
    issues.push({ path: `${path}.autoScale.initialNodeCount`, message: "must not be greater than maximumNodeCount" });
  }
  return issues;
}

/** Returns the problem of a number above a limit. */
export function atMost(count: number, limit: number, path: string): ValidationIssue[] {
  return count <= limit ? [] : [{ path, message: `must be at most ${String(limit)}, got ${String(count)}` }];
}
