import { join } from "node:path";
import { appendToLogs } from "../executionLog.ts";
import type { Run } from "../state/runs.ts";
import type { SchedulerContext } from "./context.ts";

/**
 * Unmounts the volumes of a job whose run has ended, before the end is stored: then its output is where others find it.
 * What goes wrong is no reason to keep the job.
 */
export async function unmountVolumes(context: SchedulerContext, run: Run): Promise<void> {
  if (run.kind !== "job") return;
  const { volumes, folders, logger } = context;
  try {
    const problems = await volumes.mounts.release(folders.jobVolumes(run.owner).name);
    for (const problem of problems) await warnInLog(context, run, problem);
  } catch (error) {
    logger.warn({ run: run.id, error: String(error) }, "failed to unmount the volumes of a job");
  }
}

/** Only a log on a share of the service is written: one on another volume may be the one that fails. */
async function warnInLog({ store }: SchedulerContext, { id, nodes }: Run, problem: string): Promise<void> {
  const output = store.runs.find(id)?.outputs.stdouterr;
  if (output?.share === undefined) return;
  const name = nodes.length === 1 ? "execution.log" : `execution-${String(nodes[0])}.log`;
  await appendToLogs([join(output.path, name)], `Warning: ${problem}`);
}
