import type { NameValuePair } from "../../models/error.ts";
import type { RunEnd, RunHandle } from "../engines/engine.ts";
import type { Run } from "../state/runs.ts";
import type { Store } from "../state/store.ts";
import { endSetup } from "./clusterNodes.ts";
import type { SchedulerContext } from "./context.ts";
import { noteHosts } from "./hostErrors.ts";
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
  const cluster = store.resources.find("clusters", job.model.cluster?.id ?? "");
  if (cluster) noteHosts(store, cluster, run, end);
  const outcome = outcomeOf(withoutRepeatedFault(store, run, end), run.stopReason, details);
  if (outcome !== "requeue") {
    markEnded(store, job, outcome);
    return;
  }
  store.afterCommit(() => {
    folders.discardJob(job.key);
  });
  if (cluster?.model.provisioningState === "succeeded") markQueued(store, job);
  else markStopped(store, job, "clusterDeleted");
}

/** A job runs again after a fault of a node, but only once: it may be the reason. */
function withoutRepeatedFault(store: Store, run: Run, end: RunEnd): RunEnd {
  if (end.kind !== "interrupted" || !end.isFault || store.runs.addFault(run.id) === 1) return end;
  // A requested stop explains the end better.
  if (run.stopReason !== undefined) return end;
  return {
    kind: "failed",
    code: "RunLost",
    message: `A fault of a node ended the job for the second time: ${end.reason}`,
  };
}
