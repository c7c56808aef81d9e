import { isShortage } from "../startError.ts";
import { type ClusterVisit, visitCluster } from "./clusterVisit.ts";
import type { SchedulerContext } from "./context.ts";
import { finishDeletions } from "./deletions.ts";
import { startGpuJobs } from "./gpuJobs.ts";
import type { PendingChange } from "./pendingChanges.ts";
import type { StartingRun } from "./startingRun.ts";

/** What a step of the scheduler stores. */
export interface StepWork {
  /** What has happened since the last step. */
  readonly changes: readonly PendingChange[];
  /** Keys of the clusters that time alone has changed. */
  readonly dueClusters: readonly string[];
  /** Whether runs may start. */
  readonly mayStart: boolean;
}

/** Result of a step. */
export interface StepResult {
  /** The looks at clusters that were stored. */
  readonly visits: readonly ClusterVisit[];
  /** The runs of jobs that got GPUs. */
  readonly gpuRuns: readonly StartingRun[];
  /** Whether everything was stored as a whole. If not, another step has to look for what is left. */
  readonly isComplete: boolean;
}

/**
 * Stores a step in one transaction: changes, overdue runs, deletions, and a look at each changed cluster. If a part of it
 * is faulty, the parts are stored one by one, so that they do not wait for the faulty one. If the database cannot be
 * written, all changes fail.
 */
export function storeStep(context: SchedulerContext, work: StepWork): StepResult {
  try {
    return { ...storeTogether(context, work), isComplete: true };
  } catch (error) {
    if (!isShortage(error)) return storeApart(context, work);
    reportFailure(context, error);
    for (const change of work.changes) if (!change.isCommitted) change.failed(error);
    return { visits: [], gpuRuns: [], isComplete: false };
  }
}

function storeTogether(context: SchedulerContext, work: StepWork): Omit<StepResult, "isComplete"> {
  return context.store.transaction(() => {
    for (const change of work.changes) carryOut(context, change);
    keepHouse(context);
    const visits = clustersToVisit(context, work).map((clusterKey) => visit(context, clusterKey, work.mayStart));
    return { visits, gpuRuns: mayGiveGpus(work, visits) ? giveGpus(context) : [] };
  });
}

function storeApart(context: SchedulerContext, work: StepWork): StepResult {
  const { store } = context;
  const { logger } = context;
  logger.debug({ changes: work.changes.length }, "a step cannot be stored as a whole; its parts are stored one by one");
  for (const change of work.changes) if (!change.isCommitted) storeAlone(context, change);
  const visits: ClusterVisit[] = [];
  const gpuRuns: StartingRun[] = [];
  const looks = [
    () => {
      keepHouse(context);
    },
    ...clustersToVisit(context, work).map((clusterKey) => () => {
      visits.push(store.transaction(() => visit(context, clusterKey, work.mayStart)));
    }),
    () => {
      if (mayGiveGpus(work, visits)) gpuRuns.push(...giveGpus(context));
    },
  ];
  for (const look of looks) lookAlone(context, look);
  return { visits, gpuRuns, isComplete: false };
}

function storeAlone(context: SchedulerContext, change: PendingChange): void {
  try {
    context.store.transaction(() => {
      carryOut(context, change);
    });
  } catch (error) {
    if (!change.isCommitted) change.failed(error);
  }
}

/** Carries out a change. It counts as committed even if something that follows the commit fails. */
function carryOut({ store }: SchedulerContext, change: PendingChange): void {
  store.afterCommit(() => {
    change.committed();
  });
  change.carryOut();
}

function lookAlone(context: SchedulerContext, look: () => void): void {
  try {
    context.store.transaction(look);
  } catch (error) {
    reportFailure(context, error);
  }
}

/** GPUs are given only after a look at a cluster that has them. */
function mayGiveGpus({ mayStart }: StepWork, visits: readonly ClusterVisit[]): boolean {
  return mayStart && visits.some(({ hasGpus }) => hasGpus);
}

function keepHouse(context: SchedulerContext): void {
  context.store.runs.stopOverdue();
  finishDeletions(context);
}

function clustersToVisit({ store }: SchedulerContext, { dueClusters }: StepWork): string[] {
  return [...new Set([...dueClusters, ...store.changedClusters.keys()])];
}

/** A cluster for which nothing may start now remains changed. */
function visit(context: SchedulerContext, clusterKey: string, mayStart: boolean): ClusterVisit {
  const result = visitCluster(context, clusterKey, mayStart);
  if (mayStart) context.store.changedClusters.remove(clusterKey);
  return result;
}

/** Jobs of any cluster may start, so this is no part of a look at one. Their starts are no reason for another look. */
function giveGpus(context: SchedulerContext): StartingRun[] {
  const { changedClusters } = context.store;
  const changed = new Set(changedClusters.keys());
  const starting = startGpuJobs(context);
  for (const key of changedClusters.keys()) if (!changed.has(key)) changedClusters.remove(key);
  return starting;
}

function reportFailure({ logger }: SchedulerContext, error: unknown): void {
  logger.error({ error: String(error) }, "failed to carry out a scheduling step; it is retried");
}
