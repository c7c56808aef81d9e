import type { LaunchLimits } from "../../engine.ts";

/** A control group that the launcher creates for a run. Plain JSON. */
export interface ControlGroup {
  readonly folder: string;
  /** Values of its files, in this order. */
  readonly settings: readonly GroupSetting[];
}

/** Value of a file of a control group. */
export interface GroupSetting {
  readonly file: string;
  readonly value: string;
  /** Present if some kernels do not have this file. */
  readonly isOptional?: true;
}

/** Start of a supervisor within the limits of its run. Plain JSON. */
export interface LimitedStart {
  /** Name of what limits the run, for errors. */
  readonly name: string;
  readonly groups: readonly ControlGroup[];
  /** Command that runs the supervisor, which follows it. Scripts in it append the arguments `COUNTER LIMIT` to the supervisor's. */
  readonly prefix: readonly string[];
  /** Variables that the prefix needs itself. The job does not get them. */
  readonly prefixVariables?: Readonly<Record<string, string>>;
  /** Limits that are not enforced, in sentences for the execution logs. */
  readonly notes: readonly string[];
}

/** A way to start the processes of a run in a control group that limits them. */
export interface GroupWay {
  /** Name for people, for example `a systemd scope`. */
  readonly name: string;
  readonly limitsMemory: boolean;
  readonly limitsCores: boolean;
  /** Folders in which the groups of runs are created. Empty if another program creates and removes them. */
  readonly parents: readonly string[];
  /** Files of a run's group that tell about its memory. Absent if the group does not outlive the run. */
  memoryFiles?(runId: string): { readonly counter: string; readonly limit: string };
  /** @param bash - Absolute path of bash. */
  start(runId: string, limits: LaunchLimits, bash: string): Pick<LimitedStart, "groups" | "prefix" | "prefixVariables">;
}

/** Where the engine looks for ways to limit runs. Tests replace parts of it. */
export interface LimitMachine {
  /** Folder of the `proc` file system. */
  readonly proc: string;
  /** Search path for programs. */
  readonly path: string;
  /** Whether the service's user is root. */
  readonly isRoot: boolean;
  /** Whether systemd has started the service as a unit. */
  readonly isUnit: boolean;
  /** Folder with the socket `systemd/private` of the systemd manager of this user, or of the system for root. */
  readonly managerFolder: string;
  /** Absolute path of bash. */
  readonly bash: string;
}

/** Returns the name of a run's group. */
export function groupNameOf(runId: string): string {
  return `batchai-${runId}`;
}

/** Name of the groups of runs, whose IDs are UUIDs. */
export const groupName = /^batchai-[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;
