import type { Cluster, SetupTask } from "../../models/cluster.ts";
import type { Job } from "../../models/job.ts";
import type { MountVolumes } from "../../models/mountVolumes.ts";
import type { ValidationIssue } from "../../wire/validate.ts";
import { StartError } from "../startError.ts";
import { planJob, type JobLaunch } from "./job.ts";
import { stdOutErrDirectoryId } from "./jobEnvironment.ts";
import { checkKept, imaginedMounts, mountRootOf, type OutputDirectoryPath } from "./keptOutput.ts";
import { jobPaths, setupTaskPaths } from "./pathAdvice.ts";
import { planSetupTask, stdOutErrPathOf } from "./setupTask.ts";

/** No path that somebody writes leads there. */
const imagined = `/${crypto.randomUUID()}`;
const imaginedNode = { nodeId: "node", tempRoot: `${imagined}/node`, gpus: [] };
const imaginedRun = { runId: "check", runDirectory: `${imagined}/run`, clusterMountRoot: `${imagined}/cluster` };
const imaginedJob = {
  root: `${imagined}/job`,
  mountRoot: `${imagined}/job/mounts`,
  sharedTemp: `${imagined}/job/shared`,
  hostFile: `${imagined}/job/hostfile`,
};

/**
 * Returns the first problem that would keep a job from being launched, or would lose its output. The service asks when the
 * job is created: it plans the job for an imagined node, so a path or variable that cannot be used is found before
 * anything is stored.
 */
export function jobLaunchIssues(job: Job, cluster: Cluster): ValidationIssue[] {
  return issuesOfPlan(() => {
    const roots = [
      clusterRootOf(cluster.nodeSetup?.mountVolumes),
      mountRootOf("AZ_BATCHAI_JOB_MOUNT_ROOT", imaginedJob.mountRoot, job.mountVolumes),
    ] as const;
    const [clusterMounts, jobMounts] = roots.map(imaginedMounts);
    const nodes = [imaginedNode];
    const launch = planJob({ ...imaginedRun, job, nodes, jobFolders: imaginedJob, clusterMounts, jobMounts });
    const scratch = [imaginedNode.tempRoot, imaginedJob.sharedTemp];
    for (const directory of outputsOf(job, launch)) checkKept(directory, roots, scratch, jobPaths);
  });
}

/** Returns the first problem that would keep a setup task from being launched, or would lose its output. */
export function setupTaskLaunchIssues(setupTask: SetupTask, volumes: MountVolumes | undefined): ValidationIssue[] {
  return issuesOfPlan(() => {
    const root = clusterRootOf(volumes);
    const clusterMounts = imaginedMounts(root);
    const path = stdOutErrPathOf(planSetupTask({ ...imaginedRun, setupTask, node: imaginedNode, clusterMounts }));
    const property = "properties.nodeSetup.setupTask.stdOutErrPathPrefix";
    checkKept({ path, written: setupTask.stdOutErrPathPrefix, property }, [root], [], setupTaskPaths);
  });
}

function clusterRootOf(volumes: MountVolumes | undefined): ReturnType<typeof mountRootOf> {
  return mountRootOf("AZ_BATCHAI_MOUNT_ROOT", imaginedRun.clusterMountRoot, volumes);
}

/** Returns the prefixes of a job, as the folders to which they lead. */
function outputsOf(job: Job, { outputs }: JobLaunch): OutputDirectoryPath[] {
  const segment = `/${job.jobOutputDirectoryPathSegment ?? ""}/`;
  const folderOf = (id: string): string => (outputs[id] ?? "").split(segment, 1)[0] ?? "";
  const { stdOutErrPathPrefix = "", outputDirectories = [] } = job;
  return [
    { path: folderOf(stdOutErrDirectoryId), written: stdOutErrPathPrefix, property: "properties.stdOutErrPathPrefix" },
    ...outputDirectories.map(({ id, pathPrefix }, index) => {
      const property = `properties.outputDirectories[${String(index)}].pathPrefix`;
      return { path: folderOf(id), written: pathPrefix, property };
    }),
  ];
}

function issuesOfPlan(plan: () => void): ValidationIssue[] {
  try {
    plan();
    return [];
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    return [{ path: error.target ?? "properties", message: error.reason }];
  }
}
