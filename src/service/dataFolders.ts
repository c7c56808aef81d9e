import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { SchedulerContext } from "./scheduler/context.ts";

/** The private folder of a run. */
export function runDirectoryOf({ dataDir }: SchedulerContext, runId: string): string {
  return join(dataDir, "runs", runId);
}

/** The local disk of a node: a folder in which every run has its scratch directory. */
export function nodeDirectoryOf({ dataDir }: SchedulerContext, nodeId: string): string {
  return join(dataDir, "nodes", nodeId);
}

/** Removes the data of a file server that has been deleted. */
export function removeFileServerDirectory(context: SchedulerContext, sequence: number): void {
  void remove(context, fileServerDirectoryOf(context, sequence));
}

/** Sequence numbers are never used twice, so a new file server never meets the data of a deleted one. */
export function fileServerDirectoryOf({ dataDir }: Pick<SchedulerContext, "dataDir">, sequence: number): string {
  return join(dataDir, "fileservers", String(sequence));
}

/** Removes the private folder of a run that is over. */
export function removeRunDirectory(context: SchedulerContext, runId: string): void {
  void remove(context, runDirectoryOf(context, runId));
}

/** Removes the local disk of a node that has left. */
export function removeNodeDirectory(context: SchedulerContext, nodeId: string): void {
  void remove(context, nodeDirectoryOf(context, nodeId));
}

/** Clears the local disks of nodes that take their next run: what earlier ones left there is not kept. */
export async function wipeNodeDirectories(context: SchedulerContext, nodeIds: readonly string[]): Promise<void> {
  await Promise.all(nodeIds.map((nodeId) => wipe(context, nodeDirectoryOf(context, nodeId))));
}

async function wipe(context: SchedulerContext, folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  await Promise.all(names.map((name) => remove(context, join(folder, name))));
}

async function remove({ logger }: SchedulerContext, folder: string): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true });
  } catch (error) {
    logger.warn({ folder, error: String(error) }, "a folder could not be removed");
  }
}
