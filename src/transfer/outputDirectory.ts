import type { Jobs } from "../index.ts";

/** Reader of output files: `client.jobs`. */
export type OutputFileReader = Pick<Jobs, "listOutputFiles" | "readOutputFile">;

/** Name of an output directory of a job. */
export interface OutputDirectoryName {
  /** Resource group of the workspace. */
  resourceGroupName: string;
  /** Workspace of the experiment. */
  workspaceName: string;
  /** Experiment of the job. */
  experimentName: string;
  /** The job. */
  jobName: string;
  /** ID of one of the job's `outputDirectories`, or `stdouterr` for its logs. */
  outputDirectoryId: string;
  /** Directory in the output directory, for example `models/final`. Default: the output directory itself. */
  directory?: string;
}
