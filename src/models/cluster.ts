import type { EnvironmentVariable, EnvironmentVariableWithSecretValue } from "./environment.ts";
import type { BatchAIError } from "./error.ts";
import type { MountVolumes } from "./mountVolumes.ts";
import type { ProvisioningState, ProxyResource, ResourceId } from "./resource.ts";
import type { KeyVaultSecretReference } from "./secret.ts";
import type { UserAccountSettings } from "./userAccountSettings.ts";

/**
 * `dedicated`: nodes for your use only; `lowpriority`: cheaper nodes that Azure can remove at any time. There are no
 * other values.
 */
export type VmPriority = "dedicated" | "lowpriority";

/**
 * What happens to the job on a node that is removed. `requeue`: the job is stopped and queued again; `terminate`: the
 * job is stopped and fails; `waitforjobcompletion`: the node stays until the job ends.
 */
export type DeallocationOption = "requeue" | "terminate" | "waitforjobcompletion" | (string & {});

/**
 * `steady`: the cluster has its target number of nodes, or cannot get more; `resizing`: nodes are being added or
 * removed.
 */
export type AllocationState = "steady" | "resizing" | (string & {});

/** Parameters of `clusters.create`. */
export interface ClusterCreateParameters {
  /** Azure VM size of every node, for example `STANDARD_D1`. */
  vmSize: string;
  /** Priority of the nodes; no other values are accepted. Default: `dedicated`. */
  vmPriority?: VmPriority;
  /** Number of nodes. Default: 0 nodes, until an update sets another number. */
  scaleSettings?: ScaleSettings;
  /** Operating system of the nodes. Default: an Ubuntu image that the service chooses. */
  virtualMachineConfiguration?: VirtualMachineConfiguration;
  /** Preparation of each node before its first job. Default: none. */
  nodeSetup?: NodeSetup;
  /** Administrator account on every node. */
  userAccountSettings: UserAccountSettings;
  /** Subnet of the nodes. Default: the subnet of a mounted file server, or else one that the service creates. */
  subnet?: ResourceId;
}

/** Parameters of `clusters.update`. */
export interface ClusterUpdateParameters {
  /** New scale settings, which replace all current scale settings. Absent: the settings are kept. */
  scaleSettings?: ScaleSettings;
}

/** A group of identical nodes that run jobs. Returned by `clusters.get`. */
export interface Cluster extends ProxyResource {
  /** Azure VM size of every node, exactly as requested. */
  vmSize?: string;
  /** Priority of the nodes: one of two values and no other. Default: `dedicated`. */
  vmPriority?: VmPriority;
  /** Target number of nodes; contains only the active kind of scaling. */
  scaleSettings?: ScaleSettings;
  /** Operating system of the nodes; the service sets properties that the request omitted. */
  virtualMachineConfiguration?: VirtualMachineConfiguration;
  /** Preparation of each node before its first job. Absent if none was requested. */
  nodeSetup?: NodeSetup;
  /** Administrator account on every node, without its password. */
  userAccountSettings?: UserAccountSettings;
  /** Subnet of the nodes. Absent unless requested, or copied from a mounted file server. */
  subnet?: ResourceId;
  /** Creation time. Set by the service. */
  readonly creationTime?: Date;
  /** Progress of the creation or deletion; `succeeded` does not mean that the nodes are ready. Set by the service. */
  readonly provisioningState?: ProvisioningState;
  /** Time of the last change of {@link Cluster.provisioningState}. Set by the service. */
  readonly provisioningStateTransitionTime?: Date;
  /** State of the node allocation: steady or resizing. Set by the service. */
  readonly allocationState?: AllocationState;
  /** Time of the last change of {@link Cluster.allocationState}. Set by the service. */
  readonly allocationStateTransitionTime?: Date;
  /** Errors of nodes and of resizing. Absent if there are no errors. Set by the service. */
  readonly errors?: BatchAIError[];
  /** Current number of nodes, including nodes that are being added or removed. Set by the service. */
  readonly currentNodeCount?: number;
  /** Number of nodes in each state. Set by the service. */
  readonly nodeStateCounts?: NodeStateCounts;
  /** State that the API of 2018 has no property for. Absent if there is nothing to say, and in Azure. Set by the service. */
  readonly batchai?: ClusterBatchAI;
}

/** State of a cluster that only the service of this package reports. Part of the cluster that `clusters.get` returns. */
export interface ClusterBatchAI {
  /** Nodes that the cluster lacks. Absent if the cluster has all of its nodes. Set by the service. */
  readonly missingNodes?: MissingNodes;
}

/**
 * Kind of reason why a cluster lacks nodes. `UnusableNodes`: the setup of nodes failed; `NotEnoughGpus`: the machine of the
 * service has too few usable GPUs; `Shortage`: the machine of the service lacks something, such as disk space.
 */
export type MissingNodesCode = "UnusableNodes" | "NotEnoughGpus" | "Shortage" | (string & {});

/** Nodes that a cluster lacks. Part of the cluster that `clusters.get` returns; all properties are set by the service. */
export interface MissingNodes {
  /** Number of missing nodes. */
  readonly count: number;
  /** Stable code for programs. */
  readonly code: MissingNodesCode;
  /** Message for people. */
  readonly message: string;
}

/** Scaling of a cluster. Exactly one of the two properties is required. */
export interface ScaleSettings {
  /** A fixed number of nodes. */
  manual?: ManualScaleSettings;
  /** Automatic scaling to the number of nodes that the queued and running jobs need. */
  autoScale?: AutoScaleSettings;
}

/** A fixed number of nodes. */
export interface ManualScaleSettings {
  /** Number of nodes, at least 0. */
  targetNodeCount: number;
  /** What happens to the jobs on nodes that are removed. Default: `requeue`. */
  nodeDeallocationOption?: DeallocationOption;
}

/** Automatic scaling to the number of nodes that the jobs need, within limits. */
export interface AutoScaleSettings {
  /** Minimum number of nodes, even without jobs; at least 0. A quota can keep the cluster below this number. */
  minimumNodeCount: number;
  /** Maximum number of nodes, at least 0. */
  maximumNodeCount: number;
  /** Initial number of nodes, at least 0; has an effect only at creation. Default: 0. */
  initialNodeCount?: number;
}

/** Virtual machine of a node. */
export interface VirtualMachineConfiguration {
  /** Image of the operating system. Default: an Ubuntu image that the service chooses. */
  imageReference?: ImageReference;
}

/** An operating system image from the Azure Marketplace, or your own. */
export interface ImageReference {
  /** Publisher in the Azure Marketplace, for example `Canonical`. */
  publisher: string;
  /** Offer of the publisher, for example `UbuntuServer`. */
  offer: string;
  /** Variant of the offer, for example `16.04-LTS`. */
  sku: string;
  /** Version of the variant. Default: `latest`. */
  version?: string;
  /**
   * ARM ID of your own image, in the cluster's region and subscription; the other properties then describe the image
   * that it is based on. Default: none.
   */
  virtualMachineImageId?: string;
}

/** Number of nodes of a cluster in each state; all five properties are set by the service. */
export interface NodeStateCounts {
  /** Number of nodes that are ready and run no job. */
  readonly idleNodeCount?: number;
  /** Number of nodes that run a job. */
  readonly runningNodeCount?: number;
  /** Number of nodes that are being set up. */
  readonly preparingNodeCount?: number;
  /** Number of nodes whose setup failed, or that were lost. */
  readonly unusableNodeCount?: number;
  /** Number of nodes that are being removed. */
  readonly leavingNodeCount?: number;
}

/** Preparation of a node before its first job. */
export interface NodeSetup {
  /** A command that prepares the node. Default: none. */
  setupTask?: SetupTask;
  /** File systems to mount under `$AZ_BATCHAI_MOUNT_ROOT`, for the setup task and every job. Default: none. */
  mountVolumes?: MountVolumes;
  /** Destination of the node's performance counters. Default: none, no counters are sent. */
  performanceCountersSettings?: PerformanceCountersSettings;
}

/** A command that prepares a node. It must be idempotent: it runs again after a reboot. */
export interface SetupTask {
  /** Command line for bash. Runs as root in Azure, and as the user of the service on this machine. */
  commandLine: string;
  /** Variables of the command. Default: none. */
  environmentVariables?: EnvironmentVariable[];
  /** Secret variables of the command. Default: none. */
  secrets?: EnvironmentVariableWithSecretValue[];
  /**
   * Directory for the command's output, which is stored under it in `stdout-NODE.txt` and `stderr-NODE.txt`. It is in a
   * volume of the cluster, `$AZ_BATCHAI_MOUNT_ROOT/PATH`, or `$AZ_BATCHAI_MOUNT_ROOT` if the cluster has no volumes.
   */
  stdOutErrPathPrefix: string;
  /** Path of the output under the prefix. Set by the service. */
  readonly stdOutErrPathSuffix?: string;
}

/** Destination of the performance counters of nodes. */
export interface PerformanceCountersSettings {
  /** The Application Insights resource that receives them. */
  appInsightsReference: AppInsightsReference;
}

/** An Application Insights resource. Exactly one of the key and the key reference is required. */
export interface AppInsightsReference {
  /** The resource. */
  component: ResourceId;
  /** Instrumentation key of the resource. Write-only: the service never returns it. */
  instrumentationKey?: string;
  /** Key Vault secret that contains the key, instead of {@link AppInsightsReference.instrumentationKey}. */
  instrumentationKeySecretReference?: KeyVaultSecretReference;
}
