import { sizeText } from "../../ground/sizeText.ts";
import type { BatchAIError, NameValuePair } from "../../models/error.ts";
import type { RunEnd, RunExit } from "../engines/engine.ts";
import { isSetupFailure } from "./hostErrors.ts";
import type { StopReason } from "../state/runs.ts";
import type { Store } from "../state/store.ts";
import type { StoredResource } from "../state/resources.ts";

/** Error of a job that failed, and its exit code if one of its commands ended by itself. */
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

/** The job has its nodes and is about to start. It remains `queued` if its engine may let it wait. */
export function markStarting(store: Store, job: StoredResource<"jobs">, mayWait: boolean): void {
  store.queue.remove(job.key);
  if (!mayWait) markRunning(store, job, new Date());
}

/** The job runs. */
export function markRunning(store: Store, job: StoredResource<"jobs">, startTime: Date): void {
  store.resources.advance(job, {
    executionState: "running",
    executionStateTransitionTime: new Date(),
    executionInfo: { startTime },
  });
}

/** Puts the job back into its place in the queue. */
export function markQueued(store: Store, job: StoredResource<"jobs">): void {
  store.resources.advance(job, {
    executionState: "queued",
    executionStateTransitionTime: new Date(),
    executionInfo: undefined,
  });
  enqueue(store, job);
}

/** Puts a job whose state is `queued` into the queue. */
export function enqueue(store: Store, job: StoredResource<"jobs">): void {
  store.queue.add({
    job: job.key,
    cluster: (job.model.cluster?.id ?? "").toLowerCase(),
    priority: job.model.schedulingPriority,
    sequence: job.sequence,
    nodeCount: job.model.nodeCount ?? 1,
  });
}

/** Ends the job, and the operation that terminates it. */
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

/** Ends a job that never started, for a reason outside of it. */
export function markStopped(store: Store, job: StoredResource<"jobs">, reason: Exclude<StopReason, "requeued">): void {
  markEnded(store, job, { error: stopErrors[reason] });
}

/**
 * Returns what the end of a run means for its job: undefined is success, `requeue` another try.
 * @param details - Details of the error if a command failed.
 */
export function outcomeOf(
  end: RunEnd,
  stopReason: StopReason | undefined,
  details: readonly NameValuePair[],
): JobFailure | "requeue" | undefined {
  switch (end.kind) {
    case "exited":
      return end.exitCode === 0 ? undefined : failureOf(end, details);
    case "notStarted":
    case "interrupted":
      return outcomeOf({ kind: "stopped" }, stopReason ?? "requeued", details);
    case "stopped":
      return stopReason === "requeued" ? "requeue" : { error: stopErrors[stopReason ?? "terminated"] };
    case "failed":
      return { error: errorOf(end) };
  }
}

function failureOf(end: RunExit, details: readonly NameValuePair[]): JobFailure {
  const { phase, exitCode, outOfMemory } = end;
  const isSetup = isSetupFailure(end);
  const ofPhase = isSetup ? setupFailed : phase === "preparation" ? preparationFailed : jobFailed;
  const error = outOfMemory ? outOfMemoryError(outOfMemory, isSetup ? "the setup task" : "the job") : ofPhase;
  return { error: details.length === 0 ? error : { ...error, details: [...details] }, exitCode };
}

/** Returns the error of a run that failed, as clusters and jobs report it. */
export function errorOf({ code, message, details }: Extract<RunEnd, { kind: "failed" }>): BatchAIError {
  return { code, message, ...(details ? { details: [...details] } : {}) };
}

/** Returns the error of a job or setup task that reached its memory limit. */
export function outOfMemoryError(
  { limitInBytes }: NonNullable<RunExit["outOfMemory"]>,
  owner: "the job" | "the setup task",
): BatchAIError {
  const limit = limitInBytes === undefined ? "its memory limit" : `its memory limit of ${sizeText(limitInBytes)}`;
  const advice = `Let ${owner} use less memory, or run it on a cluster whose vmSize has more.`;
  return {
    code: "OutOfMemory",
    message: `The system ended processes of ${owner} because it reached ${limit}. ${advice}`,
  };
}

const jobFailed: BatchAIError = { code: "JobFailed", message: "Job failed with non-zero exit code" };
const setupFailed: BatchAIError = {
  code: "SetupTaskFailed",
  message: "The setup task of the cluster failed with non-zero exit code on a node of the job",
};
const preparationFailed: BatchAIError = {
  code: "JobPreparationFailed",
  message: "Job preparation task failed with non-zero exit code",
};
