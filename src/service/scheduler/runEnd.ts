import type { NameValuePair } from "../../models/error.ts";
import type { RunEnd, RunHandle } from "../engines/engine.ts";
import type { Run } from "../state/runs.ts";
import { endSetup } from "./clusterNodes.ts";
import type { SchedulerContext } from "./context.ts";
import { markEnded, markQueued, markStopped, outcomeOf } from "./jobStates.ts";

/**
 * Stores the end of a run, and what it means for its job or node. Returns the handle, by which the engine cleans up. Runs
 * inside a transaction of the caller.
 * @param details - Details of the error of a job whose command failed.
 */
export function endRun(
  context: SchedulerContext,
  runId: string,
  end: RunEnd,
  details: readonly NameValuePair[],
): RunHandle | undefined {
  const { store } = context;
  const run = store.runs.find(runId);
  if (!run || run.ended) return undefined;
  store.runs.end(run.id);
  if (run.kind === "job") endJobRun(context, run, end, details);
  else endSetup(context, run, end);
  return run.handle;
}

function endJobRun(
  { store, folders }: SchedulerContext,
  run: Run,
  end: RunEnd,
  details: readonly NameValuePair[],
): void {
  const job = store.resources.find("jobs", run.owner);
  store.nodes.release(run.owner);
  // A job that is being deleted disappears without showing an end first.
  if (!job || job.model.provisioningState === "deleting") return;
  const outcome = outcomeOf(end, run.stopReason, details);
  if (outcome !== "requeue") {
    markEnded(store, job, outcome);
    return;
  }
  store.afterCommit(() => {
    folders.discardJob(job.key);
  });
  const cluster = store.resources.find("clusters", job.model.cluster?.id ?? "");
  if (cluster?.model.provisioningState === "succeeded") markQueued(store, job);
  else markStopped(store, job, "clusterDeleted");
}
