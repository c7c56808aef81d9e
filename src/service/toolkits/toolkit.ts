import type { Job, JobCreateParameters, ToolType } from "../../models/job.ts";
import type { ToolkitSettings } from "../../models/toolkitSettings.ts";
import type { ValidationIssue } from "../../wire/validate.ts";
import type { LaunchProcess } from "../engines/engine.ts";

/** Name of the process of a job that has only one. */
export const soleProcess = "the job";

/** The properties of a job that contain the settings of a toolkit. */
export type ToolkitProperty = keyof ToolkitSettings;

/** The settings in such a property. */
export type SettingsOf<P extends ToolkitProperty> = NonNullable<ToolkitSettings[P]>;

/** A node of a job, as far as toolkits need to know it. */
export interface ToolkitNode {
  /** Position of the node among the nodes of the job; the master has position 0. */
  readonly position: number;
  /** Address of the node. Absent if only the start of the run decides it: use the segment `{ host: position }`. */
  readonly address?: string;
  /** Number of processes that MPI starts on the node if nobody asks for another number. */
  readonly slots: number;
}

/** The settings of a job in a request. */
export interface RequestPlace {
  /** Path of the settings in the request body. */
  readonly path: string;
  readonly nodeCount: number;
}

/** Variable with the index of a process among the processes of its kind. */
export const taskIndexVariable = "AZ_BATCHAI_TASK_INDEX";

/** The job and its nodes. */
export interface ToolkitContext {
  readonly job: Job;
  /** Unique for this attempt to run the job. */
  readonly runId: string;
  /** The nodes that run the job, the master first. */
  readonly nodes: readonly ToolkitNode[];
  /** `$AZ_BATCHAI_SHARED_JOB_TEMP`: a folder that all nodes see, for example for a rendezvous. */
  readonly sharedTemp: string;
}

/** One process of a toolkit; the first one of a job is its master. If it is the only one, its name is {@link soleProcess}. */
export interface ToolkitProcess extends Pick<LaunchProcess, "name" | "isServer" | "commandLine" | "environment"> {
  /** Position of its node among the nodes of the job. */
  readonly node: number;
  /** Whether it is the only process of the service and may start others on all nodes of the job, as `mpirun` does. */
  readonly isForAllNodes?: true;
  /** Follows `stdout` and `stderr` in the names of its output files, for example `-wk-0`; empty for a single process. */
  readonly outputSuffix: string;
}

/** A toolkit that the service can run, and everything that the service knows about it. */
export interface Toolkit<P extends ToolkitProperty> {
  readonly toolType: ToolType;
  /** The property of a job that contains the settings. */
  readonly property: P;
  /** Returns the settings with the defaults that the API shows. */
  withDefaults(settings: SettingsOf<P>, job: JobCreateParameters): SettingsOf<P>;
  /** Returns the problems of settings, to which the defaults have been added. */
  issues(settings: SettingsOf<P>, place: RequestPlace): ValidationIssue[];
  /** Names of the variables that the processes get from the toolkit. A job must not set them itself. */
  readonly variables: readonly string[];
  /** Returns the processes of a job, whose settings have no problem. */
  processes(settings: SettingsOf<P>, context: ToolkitContext): readonly ToolkitProcess[];
  /** Returns the number of processes that MPI must be able to start on each node. The host file may give a node more. */
  slotsPerNode(settings: SettingsOf<P>, context: ToolkitContext): number;
}

/** Returns the processes of a toolkit that is one process on the master node, with the plain output file names. */
export function masterProcess(commandLine: string): ToolkitProcess[] {
  return [{ name: soleProcess, node: 0, isForAllNodes: true, commandLine, environment: {}, outputSuffix: "" }];
}
