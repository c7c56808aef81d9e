import type { Run } from "../state/runs.ts";
import type { SchedulerContext } from "./context.ts";
import { writeToLog } from "./writeToLog.ts";

/**
 * Unmounts the volumes of a job whose run has ended, before the end is stored: then its output is where others find it.
 * What goes wrong is no reason to keep the job.
 */
export async function unmountVolumes(context: SchedulerContext, run: Run): Promise<void> {
  if (run.kind !== "job") return;
  const { volumes, folders, logger } = context;
  try {
    const problems = await volumes.mounts.release(folders.jobVolumes(run.owner).name);
    for (const problem of problems) await writeToLog(context, run, `Warning: ${problem}`);
  } catch (error) {
    logger.warn({ run: run.id, error: String(error) }, "failed to unmount the volumes of a job");
  }
}

/**
 * Frees the processes of a run that do not end because they wait for a volume. The volumes of the job are of no use to
 * others; those of its cluster are, as long as they respond.
 */
export async function detachVolumes(context: SchedulerContext, runId: string): Promise<void> {
  const { store, volumes, folders, logger } = context;
  const run = store.runs.find(runId);
  if (run === undefined) return;
  try {
    const clusters = new Set(run.nodes.flatMap((id) => store.nodes.find(id)?.cluster ?? []));
    const detached = await Promise.all([
      run.kind === "job" && volumes.mounts.detach(folders.jobVolumes(run.owner).name, { onlySilent: false }),
      ...[...clusters].map((key) => {
        return volumes.mounts.detach(folders.clusterVolumes(key).name, { onlySilent: true });
      }),
    ]);
    if (!detached.includes(true)) return;
    logger.warn({ run: run.id, owner: run.owner }, "volumes were detached, because the processes of a run did not end");
    const warning = "Warning: The processes of the run did not end, so volumes were detached. Changes may be lost.";
    await writeToLog(context, run, warning);
  } catch (error) {
    logger.warn({ run: run.id, error: String(error) }, "failed to detach the volumes of a run");
  }
}
