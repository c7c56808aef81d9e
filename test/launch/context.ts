import type { Job } from "../../src/models/job.ts";
import type { JobLaunchContext } from "../../src/service/launch/job.ts";

export const segment = "sub/group/workspaces/w/experiments/e/jobs/j/0b2c";

/** A custom job with one output directory, on one node. */
export function jobContext(job: Partial<Job> = {}, more: Partial<JobLaunchContext> = {}): JobLaunchContext {
  return {
    job: {
      id: "/subscriptions/sub/resourceGroups/group/providers/Microsoft.BatchAI/workspaces/w/experiments/e/jobs/j",
      name: "j",
      type: "Microsoft.BatchAI/workspaces/experiments/jobs",
      nodeCount: 1,
      customToolkitSettings: { commandLine: "echo hello" },
      stdOutErrPathPrefix: "$AZ_BATCHAI_JOB_MOUNT_ROOT/logs",
      jobOutputDirectoryPathSegment: segment,
      ...job,
    },
    runId: "run-1",
    runDirectory: "/data/runs/run-1",
    nodes: [{ nodeId: "tvm-1", address: "10.0.0.4", tempRoot: "/data/nodes/tvm-1", gpus: [] }],
    clusterMountRoot: "/roots/c-1",
    jobFolders: {
      root: "/roots/j-1",
      mountRoot: "/roots/j-1/mounts",
      sharedTemp: "/roots/j-1/shared",
      hostFile: "/roots/j-1/hostfile",
    },
    jobMounts: [{ source: "/data/shares/acct/logs", target: "/roots/j-1/mounts/logs" }],
    ...more,
  };
}

export const twoNodes = [
  { nodeId: "tvm-1", address: "10.0.0.4", tempRoot: "/data/nodes/tvm-1", gpus: [] },
  { nodeId: "tvm-2", address: "10.0.0.5", tempRoot: "/data/nodes/tvm-2", gpus: [] },
];

/** Variables of every job and setup task that does not set them. */
export const defaultVariables = {
  PYTHONUNBUFFERED: "1",
  OMPI_MCA_rmaps_base_oversubscribe: "1",
  OMPI_MCA_hwloc_base_binding_policy: "none",
  OMPI_ALLOW_RUN_AS_ROOT: "1",
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1",
};
