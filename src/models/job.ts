import type { ContainerSettings } from "./containerSettings.ts";
import type { EnvironmentVariable, EnvironmentVariableWithSecretValue } from "./environment.ts";
import type { BatchAIError } from "./error.ts";
import type { MountVolumes } from "./mountVolumes.ts";
import type { ProvisioningState, ProxyResource, ResourceId } from "./resource.ts";
import type { ToolkitSettings } from "./toolkitSettings.ts";

/** Which of the jobs that wait for a cluster comes first: `high`, then `normal`, then `low`. Running jobs are left alone. */
export type JobPriority = "low" | "normal" | "high" | (string & {});

/**
 * Where a job is on its way. `queued`: it waits for nodes; `running`, preparation included; `terminating`: it is being
 * ended; `succeeded`: exit code 0; `failed`: another one, or what `executionInfo.errors` says.
 */
export type ExecutionState = "queued" | "running" | "terminating" | "succeeded" | "failed" | (string & {});

/** The toolkit that runs a job. */
export type ToolType =
  | "cntk"
  | "pytorch"
  | "tensorflow"
  | "caffe"
  | "caffe2"
  | "chainer"
  | "horovod"
  | "custommpi"
  | "custom"
  | (string & {});

/** What `jobs.create` wants to know. Exactly one of the nine toolkit settings has to be given. */
export interface JobCreateParameters extends ToolkitSettings {
  /** How urgent it is. Default: `normal`. */
  schedulingPriority?: JobPriority;
  /** The cluster that runs it; may be in another workspace. */
  cluster: ResourceId;
  /** File systems that this job alone finds below `$AZ_BATCHAI_JOB_MOUNT_ROOT`. Default: none. */
  mountVolumes?: MountVolumes;
  /** Number of nodes, at least 1; the job starts when so many are free at the same time. */
  nodeCount: number;
  /** The container in which it runs. Default: none, it runs on the node itself. */
  containerSettings?: ContainerSettings;
  /** A command that runs on every node of the job before the toolkit; when it fails, the job does. Default: none. */
  jobPreparation?: JobPreparation;
  /**
   * Directory below which standard output, standard error and the execution log are kept. Begins with a variable:
   * `$AZ_BATCHAI_MOUNT_ROOT/PATH` or `$AZ_BATCHAI_JOB_MOUNT_ROOT/PATH`, where PATH is the `relativeMountPath` of a file
   * share of the cluster or of the job, or `$AZ_BATCHAI_JOB_TEMP_DIR` for output that is neither kept nor listed.
   */
  stdOutErrPathPrefix: string;
  /** Directories that the job reads. Default: none. */
  inputDirectories?: InputDirectory[];
  /** Directories that the job writes and `jobs.listOutputFiles` can list. Default: none. */
  outputDirectories?: OutputDirectory[];
  /** Variables of the job and its preparation; they may use each other, and those of the service. Default: none. */
  environmentVariables?: EnvironmentVariable[];
  /** Secret variables of the job and its preparation; paths cannot use them. Default: none. */
  secrets?: EnvironmentVariableWithSecretValue[];
  /** Limits of the job. Default: seven days. */
  constraints?: JobConstraints;
}

/** A training run, or any other piece of work. Answered by `jobs.get`. */
export interface Job extends ProxyResource, ToolkitSettings {
  /** How urgent it is. Default: `normal`. */
  schedulingPriority?: JobPriority;
  /** The cluster that runs it. */
  cluster?: ResourceId;
  /** File systems that this job alone finds below `$AZ_BATCHAI_JOB_MOUNT_ROOT`; without their keys. */
  mountVolumes?: MountVolumes;
  /** Number of nodes. */
  nodeCount?: number;
  /** The container in which it runs; without the registry's password. */
  containerSettings?: ContainerSettings;
  /** The toolkit, derived from the settings that were given. The service sets it. */
  toolType?: ToolType;
  /** A command that runs on every node of the job before the toolkit. */
  jobPreparation?: JobPreparation;
  /**
   * Path that the service puts between a prefix (of the output or of an output directory) and what the job writes, so
   * that no two jobs meet. Set by the service.
   */
  readonly jobOutputDirectoryPathSegment?: string;
  /** Directory below which standard output, standard error and the execution log are kept. */
  stdOutErrPathPrefix?: string;
  /** Directories that the job reads. */
  inputDirectories?: InputDirectory[];
  /** Directories that the job writes. */
  outputDirectories?: OutputDirectory[];
  /** Variables of the job. */
  environmentVariables?: EnvironmentVariable[];
  /** Names of the secret variables of the job; their values are never returned. */
  secrets?: EnvironmentVariableWithSecretValue[];
  /** Limits of the job; the service fills them in. */
  constraints?: JobConstraints;
  /** When it was created. Set by the service. */
  readonly creationTime?: Date;
  /** How far its creation or deletion has come; `succeeded` says nothing about its run. Set by the service. */
  readonly provisioningState?: ProvisioningState;
  /** When {@link Job.provisioningState} last changed. Set by the service. */
  readonly provisioningStateTransitionTime?: Date;
  /** Where it is on its way. Set by the service. */
  readonly executionState?: ExecutionState;
  /** When {@link Job.executionState} last changed. Set by the service. */
  readonly executionStateTransitionTime?: Date;
  /** How its run went. Absent while it is queued. The service sets it. */
  executionInfo?: JobExecutionInfo;
}

/** Limits of a job. */
export interface JobConstraints {
  /** Longest time it may run, as an ISO 8601 duration such as `PT4H30M`; then it is ended and has failed. Default: `P7D`. */
  maxWallClockTime?: string;
}

/** How the run of a job went; all of it is set by the service. */
export interface JobExecutionInfo {
  /** When it last began to run. */
  readonly startTime?: Date;
  /** When it ended. Absent until then. */
  readonly endTime?: Date;
  /** Exit code of the toolkit. Absent until the end, and when the job was terminated. */
  readonly exitCode?: number;
  /** Why it failed. Absent when it did not. */
  readonly errors?: BatchAIError[];
}

/** A command that runs on every node of a job before the toolkit, in the job's container when it has one. */
export interface JobPreparation {
  /** Command line, run by bash. Any exit code but 0 fails the job with `JobPreparationFailed`. */
  commandLine: string;
}

/** A directory that a job reads. Nothing makes it. */
export interface InputDirectory {
  /** The job finds the path in `$AZ_BATCHAI_INPUT_<id>`; unique in the job. */
  id: string;
  /** Absolute path; may use variables, as in `$AZ_BATCHAI_JOB_MOUNT_ROOT/share/data`. */
  path: string;
}

/**
 * A directory that a job writes: `<pathPrefix>/<jobOutputDirectoryPathSegment>/outputs/<pathSuffix>`. It is made before the
 * job starts.
 */
export interface OutputDirectory {
  /** The job finds the path in `$AZ_BATCHAI_OUTPUT_<id>`; unique in the job, and not `stdouterr`. */
  id: string;
  /** Beginning of the path, with a variable as in {@link JobCreateParameters.stdOutErrPathPrefix}. */
  pathPrefix: string;
  /** End of the path. Default: none; then directories with the same prefix are the same. */
  pathSuffix?: string;
}
