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
    await warnInLog(
      context,
      run,
      "The processes of the run did not end, so volumes were detached. Changes may be lost.",
    );
  } catch (error) {
    logger.warn({ run: run.id, error: String(error) }, "failed to detach the volumes of a run");
  }
}

/** Only a log on a share of the service is written: one on another volume may be the one that fails. */
async function warnInLog({ store }: SchedulerContext, { id, nodes }: Run, problem: string): Promise<void> {
  const output = store.runs.find(id)?.outputs.stdouterr;
  if (output?.share === undefined) return;
  const name = nodes.length === 1 ? "execution.log" : `execution-${String(nodes[0])}.log`;
  await appendToLogs([join(output.path, name)], `Warning: ${problem}`);
}
