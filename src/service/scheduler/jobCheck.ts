import type { Job, ToolType } from "../../models/job.ts";
import type { ValidationIssue } from "../../wire/validate.ts";
import { planJob } from "../launch/job.ts";
import { StartError } from "../startError.ts";
import { toolkitSettings, toolTypesOf, unsupportedToolkit } from "../toolkits/toolkits.ts";

/** What keeps a job from being launched, found before it is accepted: its paths are worked out for an imagined node. */
export function launchIssueOf(job: Job): ValidationIssue | undefined {
  try {
    planJob({
      job,
      runId: "check",
      runDirectory: "/run",
      nodes: [{ nodeId: "node", address: "127.0.0.1", tempRoot: "/node" }],
      clusterMountRoot: "/run/cluster",
      jobMounts: (job.mountVolumes?.azureFileShares ?? []).map(({ relativeMountPath }) => ({
        source: "/",
        relativeMountPath,
      })),
    });
    return undefined;
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    return { path: error.target ?? "properties", message: error.reason };
  }
}

/** What is wrong with the choice of toolkit: exactly one has to be given, and it has to be one that this service runs. */
export function toolkitIssueOf(job: Job): ValidationIssue | undefined {
  const given = toolTypesOf(job);
  const all = Object.values(toolkitSettings);
  if (given.length === 0) {
    const message = `exactly one of ${all.join(", ")} is needed, got none`;
    return { path: `properties.${toolkitSettings.custom}`, message };
  }
  const [, second] = given;
  if (second !== undefined) {
    const message = `exactly one toolkit is allowed, but ${given.map((type) => toolkitSettings[type]).join(" and ")} are given`;
    return { path: `properties.${toolkitSettings[second]}`, message };
  }
  const unsupported = unsupportedToolkit(job);
  return unsupported && { path: unsupported.property, message: unsupported.message };
}

/** The tool type that follows from the settings that a job gives. */
export function toolTypeOf(job: Job): ToolType | undefined {
  return toolTypesOf(job)[0];
}
