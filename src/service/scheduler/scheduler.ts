import type { RunExit } from "../engines/engine.ts";
import type { Node } from "../state/nodes.ts";
import type { StoredResource } from "../state/resources.ts";
import type { Run } from "../state/runs.ts";
import { endSetup, resizeCluster } from "./clusterNodes.ts";
import type { SchedulerContext } from "./context.ts";
import { beginDeletion, finishDeletions } from "./deletions.ts";
import { removeRunDirectory } from "../dataFolders.ts";
import { markEnded, markQueued, markStopped, outcomeOf } from "./jobStates.ts";
import { prepareJobRun } from "./jobStart.ts";
import type { PreparedRun } from "./preparedRun.ts";
import { jobsToStart } from "./queue.ts";
import { RunWatch } from "./runWatch.ts";
import { largestNodeCount } from "./scaling.ts";

const retryInMs = 1000;
const longestTimerInMs = 2 ** 31 - 1;

/**
 * Decides which job runs where and when. All its memory is in the store: every step looks at the stored state, moves it
 * on in one transaction, and only then acts on the engine. So a crash at any point is just another start.
 */
export class Scheduler {
  readonly #context: SchedulerContext;
  readonly #runs: RunWatch;
  #timer: NodeJS.Timeout | undefined;
  #awake = false;
  #closed = false;

  constructor(context: SchedulerContext) {
    this.#context = context;
    this.#runs = new RunWatch(context, (run, exit) => {
      this.#runEnded(run, exit);
    });
  }

  /** Finds the runs of an earlier start again, and begins to schedule. */
  start(): void {
    this.#runs.recover();
    this.wake();
  }

  /** Something has changed: look again, soon. */
  wake(): void {
    if (this.#awake || this.#closed) return;
    this.#awake = true;
    setImmediate(() => {
      this.#awake = false;
      if (!this.#closed) this.#step();
    });
  }

  /** Ends a job: at once when it waits, else as soon as its processes are gone. False: it was over already. */
  terminate(job: StoredResource<"jobs">): boolean {
    const { store } = this.#context;
    const run = store.runs.alive(job.key);
    if (run) {
      store.runs.requestStop(run.id, "terminated");
      store.resources.advance(job, { executionState: "terminating", executionStateTransitionTime: new Date() });
    } else if (job.model.executionState === "queued") {
      markStopped(store, job, "terminated");
    } else {
      return false;
    }
    this.wake();
    return true;
  }

  /** Begins to delete a resource with everything in it. */
  delete(resource: StoredResource): void {
    beginDeletion(this.#context.store, resource);
    this.wake();
  }

  /** Stops scheduling. Jobs that run go on, and are found again at the next start. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#runs.close();
  }

  #step(): void {
    const { store, logger } = this.#context;
    try {
      const clusters = this.#clusters();
      const starting = store.transaction(() => {
        store.runs.stopOverdue(new Date());
        finishDeletions(this.#context);
        return clusters.flatMap((cluster) => [...resizeCluster(this.#context, cluster), ...this.#startJobs(cluster)]);
      });
      for (const { run, plan, secrets } of starting) {
        logger.info({ run: run.id, owner: run.owner, nodes: run.nodes }, "run starts");
        this.#runs.start(run, plan, secrets);
      }
      this.#runs.stopRequested();
      this.#wakeIn(this.#untilNextEvent(clusters));
    } catch (error) {
      logger.error({ error: String(error) }, "a scheduling step failed; it is tried again");
      this.#wakeIn(retryInMs);
    }
  }

  #clusters(): StoredResource<"clusters">[] {
    return this.#context.store.resources
      .list("clusters")
      .filter((cluster) => cluster.model.provisioningState === "succeeded");
  }

  #startJobs(cluster: StoredResource<"clusters">): PreparedRun[] {
    const { store } = this.#context;
    const waiting = store.queue.ofCluster(cluster.key);
    if (waiting.length === 0) return [];
    const idle = store.nodes.ofCluster(cluster.key).filter((node) => node.state === "idle");
    const started: PreparedRun[] = [];
    for (const entry of jobsToStart(waiting, idle.length, largestNodeCount(cluster.model.scaleSettings))) {
      const job = store.resources.find("jobs", entry.job);
      if (!job) continue;
      const prepared = prepareJobRun(this.#context, job, cluster, idle.slice(0, entry.nodeCount));
      if (!prepared) continue;
      idle.splice(0, entry.nodeCount);
      started.push(prepared);
    }
    return started;
  }

  #runEnded(run: Run, exit: RunExit | "notStarted"): void {
    const { store, engine, logger } = this.#context;
    const requeued = store.transaction(() => {
      const current = store.runs.find(run.id);
      if (!current || current.ended) return false;
      store.runs.end(run.id);
      return current.kind === "setupTask" ? endSetup(this.#context, current, exit) : this.#endJobRun(current, exit);
    });
    logger.info({ run: run.id, owner: run.owner, end: exit === "notStarted" ? exit : exit.kind }, "run ended");
    engine
      .cleanUp(run.handle)
      .then(() => {
        if (requeued || run.kind === "setupTask") removeRunDirectory(this.#context, run.id);
      })
      .catch((error: unknown) => {
        logger.warn({ run: run.id, error: String(error) }, "what a run left could not be cleaned up");
      });
    this.wake();
  }

  /** Answers whether the job goes back to the queue. */
  #endJobRun(run: Run, exit: RunExit | "notStarted"): boolean {
    const { store } = this.#context;
    const job = store.resources.find("jobs", run.owner);
    store.nodes.release(run.owner);
    // A job that is being deleted is gone next; nobody sees an end of it first.
    if (!job || job.model.provisioningState === "deleting") return false;
    const outcome = outcomeOf(exit, run.stopReason);
    if (outcome !== "requeue") {
      markEnded(store, job, outcome);
      return false;
    }
    const cluster = store.resources.find("clusters", job.model.cluster?.id ?? "");
    if (cluster?.model.provisioningState === "succeeded") markQueued(store, job);
    else markStopped(store, job, "clusterDeleted");
    return true;
  }

  #wakeIn(delayInMs: number): void {
    clearTimeout(this.#timer);
    if (!Number.isFinite(delayInMs)) return;
    this.#timer = setTimeout(
      () => {
        this.wake();
      },
      Math.min(Math.max(delayInMs, 0), longestTimerInMs),
    );
    this.#timer.unref();
  }

  /** Milliseconds until time alone changes something: a job's limit, or a node that has been idle for long. */
  #untilNextEvent(clusters: readonly StoredResource<"clusters">[]): number {
    const { store, autoScaleIdleTimeInMs } = this.#context;
    const idleEnds = clusters
      .filter((cluster) => cluster.model.scaleSettings?.autoScale)
      .flatMap((cluster) => surplusNodes(cluster, store.nodes.ofCluster(cluster.key)))
      .map((node) => (node.idleSince?.getTime() ?? Date.now()) + autoScaleIdleTimeInMs);
    const deadline = store.runs.nextDeadline()?.getTime() ?? Infinity;
    // What is past has been looked at in this step; waking up for it again at once would never end.
    const ahead = [...idleEnds, deadline].map((time) => time - Date.now()).filter((delay) => delay > 0);
    return Math.min(...ahead);
  }
}

/** The idle nodes of a cluster that may leave in time: those above its minimum. */
function surplusNodes(cluster: StoredResource<"clusters">, nodes: readonly Node[]): readonly Node[] {
  const minimum = cluster.model.scaleSettings?.autoScale?.minimumNodeCount ?? 0;
  return nodes.length > minimum ? nodes.filter((node) => node.state === "idle") : [];
}
