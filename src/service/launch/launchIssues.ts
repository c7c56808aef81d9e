import type { SetupTask } from "../../models/cluster.ts";
import type { Job } from "../../models/job.ts";
import type { ValidationIssue } from "../../wire/validate.ts";
import { StartError } from "../startError.ts";
import { planJob } from "./job.ts";
import { planSetupTask } from "./setupTask.ts";

const imaginedNode = { nodeId: "node", tempRoot: "/node", gpus: [] };
const imaginedRun = { runId: "check", runDirectory: "/run", clusterMountRoot: "/cluster" };
const imaginedJob = { root: "/job", mountRoot: "/job/mounts", sharedTemp: "/job/shared", hostFile: "/job/hostfile" };

/**
 * Returns the first problem that would keep a job from being launched. The service asks when the job is created: it plans
 * the job for an imagined node, so a path or variable that cannot be used is found before anything is stored.
 */
export function jobLaunchIssues(job: Job): ValidationIssue[] {
  return issuesOfPlan(() => planJob({ ...imaginedRun, job, nodes: [imaginedNode], jobFolders: imaginedJob }));
}

/** Returns the first problem that would keep a setup task from being launched. */
export function setupTaskLaunchIssues(setupTask: SetupTask): ValidationIssue[] {
  return issuesOfPlan(() => planSetupTask({ ...imaginedRun, setupTask, node: imaginedNode }));
}

function issuesOfPlan(plan: () => unknown): ValidationIssue[] {
  try {
    plan();
    return [];
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    return [{ path: error.target ?? "properties", message: error.reason }];
  }
}
