import type { EnvironmentVariable, EnvironmentVariableWithSecretValue } from "./environment.ts";
import type { BatchAIError } from "./error.ts";
import type { MountVolumes } from "./mountVolumes.ts";
import type { ProvisioningState, ProxyResource, ResourceId } from "./resource.ts";
import type { KeyVaultSecretReference } from "./secret.ts";
import type { UserAccountSettings } from "./userAccountSettings.ts";

/** `dedicated`: nodes of one's own; `lowpriority`: cheaper ones that can be taken away at any time. There are no other words. */
export type VmPriority = "dedicated" | "lowpriority";

/**
 * What happens to the job of a node that has to go. `requeue`: it is ended and waits for nodes again; `terminate`: it is
 * ended and has failed; `waitforjobcompletion`: the node stays until the job has ended.
 */
export type DeallocationOption = "requeue" | "terminate" | "waitforjobcompletion" | (string & {});

/** `steady`: a cluster has the nodes that it should have, or cannot get more; `resizing`: nodes are coming or going. */
export type AllocationState = "steady" | "resizing" | (string & {});

/** What `clusters.create` wants to know. */
export interface ClusterCreateParameters {
  /** Azure size of every node, for example `STANDARD_D1`. */
  vmSize: string;
  /** Kind of the nodes; no other words are accepted. Default: `dedicated`. */
  vmPriority?: VmPriority;
  /** How many nodes there are. Default: 0 nodes, until an update asks for more. */
  scaleSettings?: ScaleSettings;
  /** Operating system of the nodes. Default: an Ubuntu image that the service chooses. */
  virtualMachineConfiguration?: VirtualMachineConfiguration;
  /** What is done to a node before its first job. Default: nothing. */
  nodeSetup?: NodeSetup;
  /** The account on every node. */
  userAccountSettings: UserAccountSettings;
  /** Subnet of the nodes. Default: that of a mounted file server, else one of the service's own. */
  subnet?: ResourceId;
}

/** What `clusters.update` can change. */
export interface ClusterUpdateParameters {
  /** New settings; they take the place of the present ones as a whole. Absent: the settings stay. */
  scaleSettings?: ScaleSettings;
}

/** A group of equal nodes on which jobs run. Answered by `clusters.get`. */
export interface Cluster extends ProxyResource {
  /** Azure size of every node, exactly as it was requested. */
  vmSize?: string;
  /** Kind of the nodes: one of two words and no other. Default: `dedicated`. */
  vmPriority?: VmPriority;
  /** How many nodes there should be; only the active way of scaling is present. */
  scaleSettings?: ScaleSettings;
  /** Operating system of the nodes; the service fills in what was left out. */
  virtualMachineConfiguration?: VirtualMachineConfiguration;
  /** What is done to a node before its first job. Absent when nothing was asked for. */
  nodeSetup?: NodeSetup;
  /** The account on every node, without its password. */
  userAccountSettings?: UserAccountSettings;
  /** Subnet of the nodes. Absent unless requested, or taken over from a mounted file server. */
  subnet?: ResourceId;
  /** When it was created. Set by the service. */
  readonly creationTime?: Date;
  /** How far its creation or deletion has come; `succeeded` says nothing about its nodes. Set by the service. */
  readonly provisioningState?: ProvisioningState;
  /** When {@link Cluster.provisioningState} last changed. Set by the service. */
  readonly provisioningStateTransitionTime?: Date;
  /** Whether nodes are being added or removed. Set by the service. */
  readonly allocationState?: AllocationState;
  /** When {@link Cluster.allocationState} last changed. Set by the service. */
  readonly allocationStateTransitionTime?: Date;
  /** Problems of nodes and of resizing. Absent when there are none. Set by the service. */
  readonly errors?: BatchAIError[];
  /** Number of nodes right now, those on their way in or out included. Set by the service. */
  readonly currentNodeCount?: number;
  /** What the nodes are doing. Set by the service. */
  readonly nodeStateCounts?: NodeStateCounts;
}

/** How many nodes a cluster has. Exactly one of the two has to be given. */
export interface ScaleSettings {
  /** A fixed number of nodes. */
  manual?: ManualScaleSettings;
  /** As many nodes as the queued and running jobs need. */
  autoScale?: AutoScaleSettings;
}

/** A fixed number of nodes. */
export interface ManualScaleSettings {
  /** Number of nodes, at least 0. */
  targetNodeCount: number;
  /** What happens to the jobs of nodes that go away. Default: `requeue`. */
  nodeDeallocationOption?: DeallocationOption;
}

/** As many nodes as the jobs need, within limits. */
export interface AutoScaleSettings {
  /** Number of nodes that stay even without jobs, at least 0; a quota can keep the cluster below it. */
  minimumNodeCount: number;
  /** Number of nodes that is never exceeded, at least 0. */
  maximumNodeCount: number;
  /** Number of nodes to begin with, at least 0; of use only at creation. Default: 0. */
  initialNodeCount?: number;
}

/** The machine behind a node. */
export interface VirtualMachineConfiguration {
  /** Image of the operating system. Default: an Ubuntu image that the service chooses. */
  imageReference?: ImageReference;
}

/** An operating system image. */
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
   * ARM id of an image of one's own, in the cluster's region and subscription; the other properties then describe the
   * image on which it is based. Default: none.
   */
  virtualMachineImageId?: string;
}

/** What the nodes of a cluster are doing; all five are set by the service. */
export interface NodeStateCounts {
  /** Number of nodes that wait for a job. */
  readonly idleNodeCount?: number;
  /** Number of nodes that run a job. */
  readonly runningNodeCount?: number;
  /** Number of nodes that are being set up. */
  readonly preparingNodeCount?: number;
  /** Number of nodes that could not be set up, or were lost. */
  readonly unusableNodeCount?: number;
  /** Number of nodes that are being removed. */
  readonly leavingNodeCount?: number;
}

/** What is done to a node before its first job. */
export interface NodeSetup {
  /** A command that prepares the node. Default: none. */
  setupTask?: SetupTask;
  /** File systems that the set-up task and every job find below `$AZ_BATCHAI_MOUNT_ROOT`. Default: none. */
  mountVolumes?: MountVolumes;
  /** Where the node's performance counters go. Default: nowhere. */
  performanceCountersSettings?: PerformanceCountersSettings;
}

/** A command that prepares a node; it runs again after a reboot, and must bear that. */
export interface SetupTask {
  /** Command line, run by bash: as root in Azure, as the account of the service on one machine. */
  commandLine: string;
  /** Variables of the command. Default: none. */
  environmentVariables?: EnvironmentVariable[];
  /** Secret variables of the command. Default: none. */
  secrets?: EnvironmentVariableWithSecretValue[];
  /**
   * Directory below which the command's output is kept, in `stdout-NODE.txt` and `stderr-NODE.txt`; may use
   * `$AZ_BATCHAI_MOUNT_ROOT`.
   */
  stdOutErrPathPrefix: string;
  /** Path below the prefix where the output really is. Set by the service. */
  readonly stdOutErrPathSuffix?: string;
}

/** Where the performance counters of nodes go. */
export interface PerformanceCountersSettings {
  /** The Application Insights resource that receives them. */
  appInsightsReference: AppInsightsReference;
}

/** An Application Insights resource. Exactly one of the key and the reference has to be given. */
export interface AppInsightsReference {
  /** The resource. */
  component: ResourceId;
  /** Its instrumentation key. Write-only: the service never returns it. */
  instrumentationKey?: string;
  /** Where the key is kept, instead of {@link AppInsightsReference.instrumentationKey}. */
  instrumentationKeySecretReference?: KeyVaultSecretReference;
}
