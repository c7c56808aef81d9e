import { askBed } from "../containers/sharedBed.ts";
import { SlurmSite } from "./slurmSite.ts";

/**
 * Returns the Slurm that all test files of a run share. The first test that needs it waits for its start. Do not kill its
 * daemons, and cancel the jobs that you submit: tests that kill something open a `SlurmBed` of their own.
 */
export async function sharedSlurm(): Promise<SlurmSite> {
  const { folder } = (await askBed("/slurm")) as Pick<SlurmSite, "folder">;
  return new SlurmSite(folder);
}
