import type { SetupTask } from "../../models/cluster.ts";
import type { Job } from "../../models/job.ts";
import type { ValidationIssue } from "../../wire/validate.ts";
import type { GpuMaker } from "../engines/engine.ts";
import { StartError } from "../startError.ts";
import { planJob, type JobFolders, type JobLaunch } from "./job.ts";
import { stdOutErrDirectoryId } from "./jobEnvironment.ts";
import { checkKept, imaginedMounts, type MountRoot, type OutputDirectoryPath } from "./keptOutput.ts";
import type { NodePlace } from "./node.ts";
import { jobPaths, setupTaskPaths } from "./pathAdvice.ts";
import { planSetupTask, stdOutErrPathOf } from "./setupTask.ts";

/**
 * Returns the first problem that would keep a job from being launched, or would lose its output. The service asks when the
 * job is created: it plans the job for an imagined node, so a path or variable that cannot be used is found before
 * anything is stored.
 * @param mountPaths - Relative mount paths of the volumes of the cluster and of the job.
 * @param folder - Absolute folder for the imagined paths, to which no path of the job can lead.
 * @param hiddenMakers - Makers whose GPUs the job sees only if its nodes have them. Default: none.
 */
export function jobLaunchIssues(
  job: Job,
  mountPaths: { readonly cluster: readonly string[]; readonly job: readonly string[] },
  folder: string,
  hiddenMakers: readonly GpuMaker[] = [],
): ValidationIssue[] {
  return issuesOfPlan(() => {
    const { node, run, jobFolders } = imaginedPlaces(folder);
    const clusterRoot = clusterRootOf(run.clusterMountRoot, mountPaths.cluster);
    const jobRoot: MountRoot = {
      variable: "AZ_BATCHAI_JOB_MOUNT_ROOT",
      path: jobFolders.mountRoot,
      volumes: mountPaths.job,
    };
    const mounts = { clusterMounts: imaginedMounts(clusterRoot), jobMounts: imaginedMounts(jobRoot) };
    const launch = planJob({ ...run, ...mounts, job, nodes: [node], hiddenMakers, jobFolders });
    const scratchFolders = [node.tempRoot, jobFolders.sharedTemp];
    for (const output of outputsOf(job, launch)) checkKept(output, [clusterRoot, jobRoot], scratchFolders, jobPaths);
  });
}

/**
 * Returns the first problem that would keep a setup task from being launched, or would lose its output.
 * @param mountPaths - Relative mount paths of the volumes of the cluster.
 * @param folder - Absolute folder for the imagined paths, to which no path of the task can lead.
 */
export function setupTaskLaunchIssues(
  setupTask: SetupTask,
  mountPaths: readonly string[],
  folder: string,
): ValidationIssue[] {
  return issuesOfPlan(() => {
    const { node, run } = imaginedPlaces(folder);
    const root = clusterRootOf(run.clusterMountRoot, mountPaths);
    const path = stdOutErrPathOf(planSetupTask({ ...run, setupTask, node, clusterMounts: imaginedMounts(root) }));
    const property = "properties.nodeSetup.setupTask.stdOutErrPathPrefix";
    checkKept({ path, written: setupTask.stdOutErrPathPrefix, property }, [root], [], setupTaskPaths);
  });
}

interface ImaginedPlaces {
  readonly node: NodePlace;
  readonly run: { readonly runId: string; readonly runDirectory: string; readonly clusterMountRoot: string };
  readonly jobFolders: JobFolders;
}

function imaginedPlaces(folder: string): ImaginedPlaces {
  const root = `${folder}/job`;
  return {
    node: { nodeId: "node", tempRoot: `${folder}/node`, gpus: [] },
    run: { runId: "check", runDirectory: `${folder}/run`, clusterMountRoot: `${folder}/cluster` },
    jobFolders: { root, mountRoot: `${root}/mounts`, sharedTemp: `${root}/shared`, hostFile: `${root}/hostfile` },
  };
}

function clusterRootOf(path: string, volumes: readonly string[]): MountRoot {
  return { variable: "AZ_BATCHAI_MOUNT_ROOT", path, volumes };
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
