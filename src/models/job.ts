import type { ContainerSettings } from "./containerSettings.ts";
import type { EnvironmentVariable, EnvironmentVariableWithSecretValue } from "./environment.ts";
import type { BatchAIError } from "./error.ts";
import type { MountVolumes } from "./mountVolumes.ts";
import type { ProvisioningState, ProxyResource, ResourceId } from "./resource.ts";
import type { ToolkitSettings } from "./toolkitSettings.ts";

/** Order of the jobs queued on a cluster: `high`, then `normal`, then `low`. Does not affect running jobs. */
export type JobPriority = "low" | "normal" | "high" | (string & {});

/**
 * State of a job. `queued`: waiting for nodes; `running`: running, or being prepared; `terminating`: being stopped;
 * `succeeded`: exit code 0; `failed`: another exit code, or the reason in `executionInfo.errors`.
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

/** Parameters of `jobs.create`. Exactly one of the nine toolkit settings is required. */
export interface JobCreateParameters extends ToolkitSettings {
  /** Priority of the job. Default: `normal`. */
  schedulingPriority?: JobPriority;
  /** Cluster that runs the job; can be in another workspace. */
  cluster: ResourceId;
  /** File systems to mount under `$AZ_BATCHAI_JOB_MOUNT_ROOT`, for this job only. Default: none. */
  mountVolumes?: MountVolumes;
  /** Number of nodes, at least 1 and at most 100. The job starts when this many nodes are free at the same time. */
  nodeCount: number;
  /** Container that the job runs in. Default: none, the job runs directly on the node. */
  containerSettings?: ContainerSettings;
  /** Command that runs on every node of the job before the toolkit. If it fails, the job fails. Default: none. */
  jobPreparation?: JobPreparation;
  /**
   * Directory for standard output, standard error and the execution log, which are stored under it. Starts with a
   * variable: `$AZ_BATCHAI_MOUNT_ROOT/PATH` or `$AZ_BATCHAI_JOB_MOUNT_ROOT/PATH`, where PATH is the `relativeMountPath`
   * of a volume of the cluster or of the job. The output can be listed if the volume is a file share or a blob
   * container. For output that is not kept and cannot be listed: `$AZ_BATCHAI_JOB_TEMP_DIR`, `$AZ_BATCHAI_JOB_TEMP` or
   * `$AZ_BATCHAI_SHARED_JOB_TEMP`. The service rejects paths outside of them.
   */
  stdOutErrPathPrefix: string;
  /** Directories that the job reads. Default: none. */
  inputDirectories?: InputDirectory[];
  /** Directories that the job writes; `jobs.listOutputFiles` can list them. Default: none. */
  outputDirectories?: OutputDirectory[];
  /**
   * Variables of the job and its preparation; their values can use each other and the variables of the service.
   * Default: none.
   */
  environmentVariables?: EnvironmentVariable[];
  /** Secret variables of the job and its preparation; paths cannot use secret variables. Default: none. */
  secrets?: EnvironmentVariableWithSecretValue[];
  /** Limits of the job. Default: a run time of seven days. */
  constraints?: JobConstraints;
}

/** A training run, or any other work. Returned by `jobs.get`. */
export interface Job extends ProxyResource, ToolkitSettings {
  /** Priority of the job. Default: `normal`. */
  schedulingPriority?: JobPriority;
  /** Cluster that runs the job. */
  cluster?: ResourceId;
  /** File systems mounted under `$AZ_BATCHAI_JOB_MOUNT_ROOT`, for this job only; without their keys. */
  mountVolumes?: MountVolumes;
  /** Number of nodes. */
  nodeCount?: number;
  /** Container that the job runs in; without the registry's password. */
  containerSettings?: ContainerSettings;
  /** Toolkit of the job, derived from its settings. The service sets it. */
  toolType?: ToolType;
  /** Command that runs on every node of the job before the toolkit. */
  jobPreparation?: JobPreparation;
  /**
   * Path that the service inserts between a prefix (of the output or of an output directory) and the job's files, to
   * keep jobs apart. Set by the service.
   */
  readonly jobOutputDirectoryPathSegment?: string;
  /** Directory for standard output, standard error and the execution log, which are stored under it. */
  stdOutErrPathPrefix?: string;
  /** Directories that the job reads. */
  inputDirectories?: InputDirectory[];
  /** Directories that the job writes. */
  outputDirectories?: OutputDirectory[];
  /** Variables of the job. */
  environmentVariables?: EnvironmentVariable[];
  /** Names of the secret variables of the job; their values are never returned. */
  secrets?: EnvironmentVariableWithSecretValue[];
  /** Limits of the job; the service sets limits that the request omitted. */
  constraints?: JobConstraints;
  /** Creation time. Set by the service. */
  readonly creationTime?: Date;
  /** Progress of the creation or deletion; `succeeded` does not mean that the job has run. Set by the service. */
  readonly provisioningState?: ProvisioningState;
  /** Time of the last change of {@link Job.provisioningState}. Set by the service. */
  readonly provisioningStateTransitionTime?: Date;
  /** State of the run. Set by the service. */
  readonly executionState?: ExecutionState;
  /** Time of the last change of {@link Job.executionState}. Set by the service. */
  readonly executionStateTransitionTime?: Date;
  /** Result of the run. Absent while the job is queued. The service sets it. */
  executionInfo?: JobExecutionInfo;
  /** State that the API of 2018 has no property for. Absent if there is nothing to say, and in Azure. Set by the service. */
  readonly batchai?: JobBatchAI;
}

/** State of a job that only the service of this package reports. Part of the job that `jobs.get` returns. */
export interface JobBatchAI {
  /** Reason why the job waits. Absent if the job is not queued. Set by the service. */
  readonly waitingFor?: WaitingReason;
  /** Nodes on which the job runs, with their GPUs. Absent unless the job runs on nodes with GPUs. Set by the service. */
  readonly nodes?: JobNode[];
}

/** A node on which a job runs. Part of the job that `jobs.get` returns; all properties are set by the service. */
export interface JobNode {
  /** ID of the node, for example `tvm-1842_1-20180606t183926z`. */
  readonly nodeId: string;
  /** Address at which the other nodes of the job reach it. Absent if it is unknown. */
  readonly address?: string;
  /** GPUs that the job has on the node. No other job uses them at the same time. */
  readonly gpus: JobGpu[];
}

/** A GPU of a running job. Part of the job that `jobs.get` returns; all properties are set by the service. */
export interface JobGpu {
  /** Position of the GPU on its machine in the order of the PCI buses, at least 0. Parts of one GPU have the same. */
  readonly index: number;
  /** Unique ID of the GPU, as `nvidia-smi -L` lists it. */
  readonly uuid: string;
}

/**
 * Kind of reason why a job waits. `NoFreeNode`: the cluster has too few free nodes at the moment; `NotEnoughGpus`: the
 * machine of the service has too few free GPUs; `ClusterTooSmall`: the cluster needs other scale settings first;
 * `Shortage`: the machine of the service lacks something, such as disk space; `SlurmPending`: the job waits in Slurm.
 */
export type WaitingCode =
  "NoFreeNode" | "NotEnoughGpus" | "ClusterTooSmall" | "Shortage" | "SlurmPending" | (string & {});

/** Reason why a job waits. Part of the job that `jobs.get` returns; all properties are set by the service. */
export interface WaitingReason {
  /** Stable code for programs. */
  readonly code: WaitingCode;
  /** Message for people. */
  readonly message: string;
  /**
   * Position in the queue of the cluster; the first job has position 1. Absent if the scale settings of the cluster or the
   * GPUs of the machine allow fewer nodes than the job needs: such a job delays no other job.
   */
  readonly position?: number;
  /** Time since which the job has waited. */
  readonly since: Date;
}

/** Limits of a job. */
export interface JobConstraints {
  /**
   * Maximum run time, as an ISO 8601 duration such as `PT4H30M`. A job that runs longer is stopped and fails. Azure
   * allowed at most seven days; the service of this package allows longer times.
   * Default: `P7D`.
   */
  maxWallClockTime?: string;
}

/** Result of the run of a job; all properties are set by the service. */
export interface JobExecutionInfo {
  /** Time of the last start. */
  readonly startTime?: Date;
  /** End time. Absent until the job ends. */
  readonly endTime?: Date;
  /** Exit code of the toolkit. Absent until the job ends, and if the job was terminated. */
  readonly exitCode?: number;
  /** Reasons for the failure. Absent if the job did not fail. */
  readonly errors?: BatchAIError[];
}

/** Command that runs on every node of a job before the toolkit, in the job's container if it has one. */
export interface JobPreparation {
  /** Command line for bash. If its exit code is not 0, the job fails with `JobPreparationFailed`. */
  commandLine: string;
}

/** A directory that a job reads. It must exist. */
export interface InputDirectory {
  /** ID of the directory, unique in the job. The job gets the path in `$AZ_BATCHAI_INPUT_<id>`. */
  id: string;
  /** Absolute path; can use variables, as in `$AZ_BATCHAI_JOB_MOUNT_ROOT/share/data`. */
  path: string;
}

/**
 * A directory that a job writes: `<pathPrefix>/<jobOutputDirectoryPathSegment>/outputs/<pathSuffix>`. Created before
 * the job starts.
 */
export interface OutputDirectory {
  /**
   * ID of the directory, unique in the job; must not be `stdouterr`. The job gets the path in
   * `$AZ_BATCHAI_OUTPUT_<id>`.
   */
  id: string;
  /** Start of the path, with a variable as in {@link JobCreateParameters.stdOutErrPathPrefix}. */
  pathPrefix: string;
  /** End of the path. Default: none; output directories with the same prefix are then identical. */
  pathSuffix?: string;
}
