import type { RunEnd, RunHandle } from "../engines/engine.ts";
import type { Run } from "../state/runs.ts";
import { endSetup } from "./clusterNodes.ts";
import type { SchedulerContext } from "./context.ts";
import { markEnded, markQueued, markStopped, outcomeOf } from "./jobStates.ts";

/** What is left of a run that has ended. */
export interface EndedRun {
  readonly handle: RunHandle | undefined;
  /** Whether the folder of the run stays: that of the last run stays as long as its job. */
  readonly keepsFolder: boolean;
}

/** Stores the end of a run, and what it means for its job or node. Runs inside a transaction of the caller. */
export function endRun(context: SchedulerContext, runId: string, end: RunEnd): EndedRun {
  const { store } = context;
  const run = store.runs.find(runId);
  if (!run || run.ended) return { handle: undefined, keepsFolder: true };
  store.runs.end(run.id);
  if (run.kind === "job") return { handle: run.handle, keepsFolder: endJobRun(context, run, end) };
  endSetup(context, run, end);
  return { handle: run.handle, keepsFolder: false };
}

function endJobRun({ store, folders }: SchedulerContext, run: Run, end: RunEnd): boolean {
  const job = store.resources.find("jobs", run.owner);
  store.nodes.release(run.owner);
  // A job that is being deleted disappears without showing an end first.
  if (!job || job.model.provisioningState === "deleting") return true;
  const outcome = outcomeOf(end, run.stopReason);
  if (outcome !== "requeue") {
    markEnded(store, job, outcome);
    return true;
  }
  store.afterCommit(() => {
    folders.discardJob(job.key);
  });
  const cluster = store.resources.find("clusters", job.model.cluster?.id ?? "");
  if (cluster?.model.provisioningState === "succeeded") markQueued(store, job);
  else markStopped(store, job, "clusterDeleted");
  return false;
}
