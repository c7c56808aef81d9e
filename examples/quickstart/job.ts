import { type BatchAIManagementClient, type File, isRestError } from "../../src/index.ts";

/** Names of a job and its parents. */
export type JobPath = readonly [resourceGroup: string, workspace: string, experiment: string, job: string];

/** Lists the files of an output directory of a job, without its subdirectories. */
export async function filesOf(client: BatchAIManagementClient, job: JobPath, directory: string): Promise<File[]> {
  const files: File[] = [];
  for await (const file of client.jobs.listOutputFiles(...job, directory)) {
    if (file.fileType === "file") files.push(file);
  }
  return files;
}

/** Terminates a queued or running job. Resolves when none of its processes is left. */
export async function endJob(client: BatchAIManagementClient, path: JobPath): Promise<void> {
  try {
    await client.jobs.terminate(...path);
    await client.jobs.waitForCompletion(...path, { throwOnFailure: false });
  } catch (error) {
    if (!isRestError(error) || error.statusCode !== 404) throw error;
    // The job does not exist, so there is nothing to terminate.
  }
}
