import type { RunEnd, RunHandle, RunState } from "../engines/engine.ts";
import { machineOf } from "../nodes/machine.ts";
import type { Node } from "../state/nodes.ts";
import type { StoredResource } from "../state/resources.ts";
import type { Run } from "../state/runs.ts";
import { endSetup, resizeCluster } from "./clusterNodes.ts";
import type { SchedulerContext } from "./context.ts";
import { beginDeletion, finishDeletions } from "./deletions.ts";
import { deadlineOf, takeNodes } from "./jobRun.ts";
import { markEnded, markQueued, markRunning, markStopped, outcomeOf } from "./jobStates.ts";
import { jobsToStart } from "./queue.ts";
import { RunWatch } from "./runWatch.ts";
import { largestNodeCount } from "./scaling.ts";
import type { Launch, StartingRun } from "./startingRun.ts";

const retryInMs = 1000;
const longestTimerInMs = 2 ** 31 - 1;

/**
 * Decides which job runs where and when. It keeps its state in the store: every step reads the stored state, changes it in
 * one transaction, and acts on volumes and engines only after that. So a crash at any point is like a restart.
 */
export class Scheduler {
  readonly #context: SchedulerContext;
  readonly #runs: RunWatch;
  readonly #background = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #awake = false;
  #closed = false;
  /** Until then nothing new starts, because the machine lacked something. Milliseconds of the process's own clock. */
  #restUntil = 0;

  constructor(context: SchedulerContext) {
    this.#context = context;
    this.#runs = new RunWatch(context, {
      onPrepared: (run, handle, outputs) => this.#runPrepared(run, handle, outputs),
      onState: (run, state) => this.#runChanged(run, state),
      onShortage: (run, reason) => this.#rest(run, reason),
      onEnded: (run, end) => this.#runEnded(run, end),
    });
  }

  /** Recovers the runs of an earlier process of the service, and starts to schedule. */
  start(): void {
    this.#context.store.nodes.describeUnknown(machineOf(undefined));
    this.#runs.recover();
    this.wake();
  }

  /** Schedules another step soon, because something has changed. */
  wake(): void {
    if (this.#awake || this.#closed) return;
    this.#awake = true;
    setImmediate(() => {
      this.#awake = false;
      if (!this.#closed) this.#step();
    });
  }

  /** Terminates a job: at once if it waits, else as soon as its processes have ended. Returns false if it had ended. */
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

  /** Starts to delete a resource with everything in it. */
  delete(resource: StoredResource): void {
    beginDeletion(this.#context.store, resource);
    this.wake();
  }

  /** Stops scheduling. Running jobs continue, and the next start picks them up. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#runs.close();
    await Promise.all(this.#background);
  }

  #step(): void {
    const { store, logger } = this.#context;
    const now = Date.now();
    const rests = performance.now() < this.#restUntil;
    try {
      const clusters = this.#clusters();
      const starting = store.transaction(() => {
        store.runs.stopOverdue(new Date(now));
        finishDeletions(this.#context);
        return clusters.flatMap((cluster) => this.#startRuns(cluster, !rests));
      });
      for (const start of starting) {
        logger.info({ run: start.run.id, owner: start.run.owner, nodes: start.run.nodes }, "run starts");
        this.#runs.start(start);
      }
      this.#runs.stopRequested();
      this.#wakeIn(rests ? this.#restUntil - performance.now() : this.#untilNextEvent(clusters, now));
    } catch (error) {
      logger.error({ error: String(error) }, "failed to carry out a scheduling step; it is retried");
      this.#wakeIn(retryInMs);
    }
  }

  #startRuns(cluster: StoredResource<"clusters">, mayStart: boolean): StartingRun[] {
    const setups = resizeCluster(this.#context, cluster, mayStart);
    return mayStart ? [...setups, ...this.#startJobs(cluster)] : setups;
  }

  #clusters(): StoredResource<"clusters">[] {
    return this.#context.store.resources
      .list("clusters")
      .filter((cluster) => cluster.model.provisioningState === "succeeded");
  }

  #startJobs(cluster: StoredResource<"clusters">): StartingRun[] {
    const { store } = this.#context;
    const waiting = store.queue.ofCluster(cluster.key);
    if (waiting.length === 0) return [];
    const idle = store.nodes.ofCluster(cluster.key).filter((node) => node.state === "idle");
    const started: StartingRun[] = [];
    for (const entry of jobsToStart(waiting, idle.length, largestNodeCount(cluster.model.scaleSettings))) {
      const job = store.resources.find("jobs", entry.job);
      if (job) started.push(takeNodes(this.#context, job, cluster, idle.splice(0, entry.nodeCount)));
    }
    return started;
  }

  #runPrepared(run: Run, handle: RunHandle, outputs: Launch["outputs"]): boolean {
    const { store } = this.#context;
    return store.transaction(() => {
      const current = store.runs.find(run.id);
      if (!current || current.ended || current.stopReason !== undefined) return false;
      store.runs.setHandle(run.id, handle, outputs);
      return true;
    });
  }

  /** Stores that an engine lets a run wait in its own queue, or has started it. */
  #runChanged(run: Run, state: RunState): void {
    const { store, logger } = this.#context;
    if (state.kind === "waiting" && state.reason !== undefined) store.runs.setWaiting(run.id, state.reason);
    if (state.kind !== "running") return;
    const hasStarted = store.transaction(() => {
      const job = store.resources.find("jobs", run.owner);
      if (job?.model.executionState !== "queued") return false;
      const { startedOn = new Date(), addresses = [] } = state;
      store.runs.setStarted(run.id, { addresses, deadline: deadlineOf(job.model, startedOn) });
      markRunning(store, job, startedOn);
      return true;
    });
    if (!hasStarted) return;
    logger.info({ run: run.id, owner: run.owner }, "run left the queue of its engine");
    this.wake();
  }

  /** Lets the machine recover before anything else is started. */
  #rest(run: Run, reason: string): void {
    this.#context.logger.warn({ run: run.id, reason }, "failed to start a run for now; it is queued again");
    this.#restUntil = performance.now() + retryInMs;
  }

  #runEnded(run: Run, end: RunEnd): void {
    const { store, logger } = this.#context;
    const { handle, keepsFolder } = store.transaction(() => {
      const current = store.runs.find(run.id);
      if (!current || current.ended) return { handle: undefined, keepsFolder: true };
      store.runs.end(run.id);
      if (current.kind === "job") return { handle: current.handle, keepsFolder: this.#endJobRun(current, end) };
      endSetup(this.#context, current, end);
      return { handle: current.handle, keepsFolder: false };
    });
    logger.info({ run: run.id, owner: run.owner, end: end.kind }, "run ended");
    this.#inBackground(this.#cleanUp(run, handle, keepsFolder));
    this.wake();
  }

  #inBackground(work: Promise<void>): void {
    this.#background.add(work);
    void work.finally(() => this.#background.delete(work));
  }

  async #cleanUp(run: Run, handle: RunHandle | undefined, keepsFolder: boolean): Promise<void> {
    const { engines, folders, logger } = this.#context;
    try {
      if (handle) await engines.forHandle(handle)?.cleanUp(handle);
    } catch (error) {
      logger.warn({ run: run.id, error: String(error) }, "failed to clean up after a run");
    } finally {
      if (!keepsFolder) folders.discardRun(run.id);
    }
  }

  /** Returns whether the folder of the run stays: that of the last run stays as long as its job. */
  #endJobRun(run: Run, end: RunEnd): boolean {
    const { store, folders } = this.#context;
    const job = store.resources.find("jobs", run.owner);
    store.nodes.release(run.owner);
    // A job that is being deleted disappears without showing an end first.
    if (!job || job.model.provisioningState === "deleting") return true;
    const outcome = outcomeOf(end, run.stopReason);
    if (outcome !== "requeue") {
      markEnded(store, job, outcome);
      return true;
    }
    store.afterCommit(() => folders.discardJob(job.key));
    const cluster = store.resources.find("clusters", job.model.cluster?.id ?? "");
    if (cluster?.model.provisioningState === "succeeded") markQueued(store, job);
    else markStopped(store, job, "clusterDeleted");
    return false;
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

  /** Milliseconds until time alone changes something: the limit of a job, or a node that has been idle for long. */
  #untilNextEvent(clusters: readonly StoredResource<"clusters">[], stepTime: number): number {
    const { store, autoScaleIdleTimeInMs } = this.#context;
    const idleEnds = clusters
      .filter((cluster) => cluster.model.scaleSettings?.autoScale)
      .flatMap((cluster) => surplusNodes(cluster, store.nodes.ofCluster(cluster.key)))
      .map((node) => (node.idleSince?.getTime() ?? Date.now()) + autoScaleIdleTimeInMs);
    const deadline = store.runs.nextDeadline()?.getTime() ?? Infinity;
    // The step has handled everything up to its own time; waking up for that again would never end.
    const ahead = [...idleEnds, deadline].filter((time) => time > stepTime);
    return Math.min(...ahead) - Date.now();
  }
}

/** Returns the idle nodes above the minimum of a cluster, which are removed after the idle time. */
function surplusNodes(cluster: StoredResource<"clusters">, nodes: readonly Node[]): readonly Node[] {
  const minimum = cluster.model.scaleSettings?.autoScale?.minimumNodeCount ?? 0;
  return nodes.length > minimum ? nodes.filter((node) => node.state === "idle") : [];
}
