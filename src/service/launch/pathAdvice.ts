/** Sentences that help the author of a path that cannot be used. */
export interface PathAdvice {
  /** Says how to begin an absolute path. */
  readonly begin: string;
  /** Says which variables a path may use. */
  readonly variables: string;
  /** Says what to do with output that need not be kept. */
  readonly notKept: string;
}

/** Advice for the paths of jobs. */
export const jobPaths: PathAdvice = {
  begin: "Begin it with $AZ_BATCHAI_MOUNT_ROOT, $AZ_BATCHAI_JOB_MOUNT_ROOT or $AZ_BATCHAI_JOB_TEMP_DIR.",
  variables: "Paths may use the AZ_BATCHAI_ variables and the environment variables of the job, but not its secrets.",
  notKept: "If the output need not be kept, use $AZ_BATCHAI_JOB_TEMP_DIR.",
};

/** Advice for the paths of setup tasks, which have no mount root and no scratch directory of a job. */
export const setupTaskPaths: PathAdvice = {
  begin: "Begin it with $AZ_BATCHAI_MOUNT_ROOT.",
  variables:
    "The path of a setup task may use AZ_BATCHAI_MOUNT_ROOT and the environment variables of the task, but not its secrets.",
  notKept: "If the cluster has no volumes, $AZ_BATCHAI_MOUNT_ROOT alone is allowed; its content goes with the nodes.",
};
