import type { BatchAIError } from "../../models/error.ts";
import type { RunExit } from "../engines/engine.ts";
import type { StopReason } from "../state/runs.ts";
import type { Store } from "../state/store.ts";
import type { StoredResource } from "../state/resources.ts";

/** Why a job failed, and with which exit code if one of its commands ended by itself. */
export interface JobFailure {
  readonly error: BatchAIError;
  readonly exitCode?: number;
}

const stopErrors: Readonly<Record<Exclude<StopReason, "requeued">, BatchAIError>> = {
  terminated: { code: "JobTerminated", message: "The specified job has been terminated by the user" },
  deleted: { code: "JobTerminated", message: "The specified job has been terminated by the user" },
  timedOut: {
    code: "JobMaxWallClockTimeExceeded",
    message: "Job was ended because it ran longer than constraints.maxWallClockTime allows",
  },
  nodeRemoved: { code: "JobNodeRemoved", message: "Job was ended because its cluster was scaled down" },
  clusterDeleted: { code: "ClusterDeleted", message: "Job was ended because its cluster was deleted" },
};

/** The job has its nodes and is about to start. */
export function markRunning(store: Store, job: StoredResource<"jobs">): StoredResource<"jobs"> {
  const now = new Date();
  store.queue.remove(job.key);
  return store.resources.advance(job, {
    executionState: "running",
    executionStateTransitionTime: now,
    executionInfo: { startTime: now },
  });
}

/** The job waits again, from the place in the queue that it had. */
export function markQueued(store: Store, job: StoredResource<"jobs">): void {
  store.resources.advance(job, {
    executionState: "queued",
    executionStateTransitionTime: new Date(),
    executionInfo: undefined,
  });
  store.queue.add({
    job: job.key,
    cluster: (job.model.cluster?.id ?? "").toLowerCase(),
    priority: job.model.schedulingPriority,
    sequence: job.sequence,
    nodeCount: job.model.nodeCount ?? 1,
  });
}

/** The job is over. Its operation of termination, if there is one, is over too. */
export function markEnded(store: Store, job: StoredResource<"jobs">, failure: JobFailure | undefined): void {
  const now = new Date();
  const exitCode = failure ? failure.exitCode : 0;
  store.queue.remove(job.key);
  store.resources.advance(job, {
    executionState: failure ? "failed" : "succeeded",
    executionStateTransitionTime: now,
    executionInfo: {
      startTime: job.model.executionInfo?.startTime ?? now,
      endTime: now,
      ...(exitCode === undefined ? {} : { exitCode }),
      ...(failure ? { errors: [failure.error] } : {}),
    },
  });
  store.operations.succeed(job.key, "terminate");
}

/** A job that never started is over because of something outside it. */
export function markStopped(store: Store, job: StoredResource<"jobs">, reason: Exclude<StopReason, "requeued">): void {
  markEnded(store, job, { error: stopErrors[reason] });
}

/** What the end of a run means for its job: undefined is success, `requeue` another try. */
export function outcomeOf(
  exit: RunExit | "notStarted",
  stopReason: StopReason | undefined,
): JobFailure | "requeue" | undefined {
  if (exit === "notStarted") return outcomeOf({ kind: "stopped" }, stopReason ?? "requeued");
  switch (exit.kind) {
    case "exited":
      if (exit.exitCode === 0) return undefined;
      return { error: exit.phase === "preparation" ? preparationFailed : jobFailed, exitCode: exit.exitCode };
    case "stopped":
      return stopReason === "requeued" ? "requeue" : { error: stopErrors[stopReason ?? "terminated"] };
    case "failed":
      return {
        error: { code: exit.code, message: exit.message, ...(exit.details ? { details: [...exit.details] } : {}) },
      };
  }
}

const jobFailed: BatchAIError = { code: "JobFailed", message: "Job failed with non-zero exit code" };
const preparationFailed: BatchAIError = {
  code: "JobPreparationFailed",
  message: "Job preparation task failed with non-zero exit code",
};
