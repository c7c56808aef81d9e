import { type BatchAIManagementClient, type File, isRestError } from "../../src/index.ts";

/** The names that lead to a job. */
export type JobPath = readonly [resourceGroup: string, workspace: string, experiment: string, job: string];

/** Lists the files of one output directory of a job, its sub-directories not included. */
export async function filesOf(client: BatchAIManagementClient, job: JobPath, directory: string): Promise<File[]> {
  const files: File[] = [];
  for await (const file of client.jobs.listOutputFiles(...job, directory)) {
    if (file.fileType === "file") files.push(file);
  }
  return files;
}

/** Ends a job that is still waiting or running; resolves when none of its processes is left. */
export async function endJob(client: BatchAIManagementClient, path: JobPath): Promise<void> {
  try {
    await client.jobs.terminate(...path);
    await client.jobs.waitForCompletion(...path, { throwOnFailure: false });
  } catch (error) {
    if (!isRestError(error) || error.statusCode !== 404) throw error;
    // There is none (any more): nothing to end.
  }
}
