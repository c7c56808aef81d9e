import type { Job } from "../../models/job.ts";

/** What a toolkit needs to know to work out its processes. */
export interface ToolkitContext {
  readonly job: Job;
  /** How many nodes run the job. */
  readonly nodeCount: number;
}

/** One process of a toolkit; the first one of a job is its master. */
export interface ToolkitProcess {
  /** Position of its node among the nodes of the job. */
  readonly node: number;
  /** Command line for `bash -c`. */
  readonly commandLine: string;
  /** Variables of this process alone. */
  readonly environment: Readonly<Record<string, string>>;
  /** What follows `stdout` and `stderr` in the names of its output files, for example `-wk-0`; mostly empty. */
  readonly outputSuffix: string;
}

/** Turns the settings of one toolkit into processes. */
export type Toolkit = (context: ToolkitContext) => readonly ToolkitProcess[];

/** A toolkit that is one process on the master node, with the plain output file names. */
export function masterProcess(commandLine: string): ToolkitProcess[] {
  return [{ node: 0, commandLine, environment: {}, outputSuffix: "" }];
}
