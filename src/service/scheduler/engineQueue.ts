import type { RunState } from "../engines/engine.ts";
import type { Run } from "../state/runs.ts";
import type { Store } from "../state/store.ts";
import { markRunning } from "./jobStates.ts";
import { deadlineOf, runningTimeOf } from "./timeLimit.ts";

/** What is new about a run in the queue of its engine. */
type QueueChange = { readonly reason: string } | "started";

/**
 * Stores that an engine lets a run wait in its own queue, or that it has started the run. Returns what is new; undefined if
 * nothing is. Runs inside a transaction of the caller.
 */
export function storeQueueState(store: Store, run: Run, state: RunState): QueueChange | undefined {
  if (state.kind === "waiting") return storeReason(store, run, state.reason);
  if (state.kind !== "running") return undefined;
  const job = store.resources.find("jobs", run.owner);
  if (job?.model.executionState !== "queued") return undefined;
  const { startedOn, addresses = [] } = state;
  const elapsedInMs = runningTimeOf(startedOn, store.runs.ageOf(run.id));
  store.runs.setStarted(run.id, { addresses, deadline: deadlineOf(job.model, store.clock, elapsedInMs) });
  markRunning(store, job, startedOn ?? new Date());
  return "started";
}

function storeReason({ runs }: Store, { id }: Run, reason: string | undefined): QueueChange | undefined {
  if (reason === undefined || reason === runs.find(id)?.waiting) return undefined;
  runs.setWaiting(id, reason);
  return { reason };
}
