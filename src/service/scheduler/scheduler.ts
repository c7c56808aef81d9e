import type { RunEnd, RunHandle, RunState } from "../engines/engine.ts";
import { thisMachine } from "../nodes/machine.ts";
import type { StoredResource } from "../state/resources.ts";
import { holdsGpus, type Run } from "../state/runs.ts";
import { problemOfType } from "./allocation.ts";
import type { SchedulerContext } from "./context.ts";
import { beginDeletion } from "./deletions.ts";
import { storeQueueState } from "./engineQueue.ts";
import { markStopped } from "./jobStates.ts";
import { JobDetails } from "./jobDetails.ts";
import { type Lacks, nodesMissingGpus } from "./missingNodes.ts";
import { PendingChanges } from "./pendingChanges.ts";
import { failureDetails } from "./failureDetails.ts";
import { endRun } from "./runEnd.ts";
import { RunWatch } from "./runWatch.ts";
import type { Launch, StartingRun } from "./startingRun.ts";
import { storeStep } from "./step.ts";
import { unmountVolumes } from "./unmountVolumes.ts";
import { writeToLog } from "./writeToLog.ts";
import { deadlineOf, runningTimeOf } from "./timeLimit.ts";
import { VisitTimes } from "./visitTimes.ts";
import type { CurrentShortage } from "./shortage.ts";

const retryInMs = 1000;
const longestPauseInMs = 10;
const longestTimerInMs = 2 ** 31 - 1;

/**
 * Decides which job runs where and when. It keeps its state in the store: every step changes it in one transaction, and
 * acts on volumes and engines only after that. So a crash at any point is like a restart. A step stores what has happened
 * since the last one, and looks only at the clusters that have changed.
 */
export class Scheduler {
  readonly #context: SchedulerContext;
  readonly #runs: RunWatch;
  readonly #changes = new PendingChanges();
  readonly #visitTimes = new VisitTimes();
  readonly #background = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #awake = false;
  #closed = false;
  /** The next step does not start before. Milliseconds of the process's own clock, like the next one. */
  #pauseUntil = 0;
  /** Until then nothing new starts, because the machine lacked something. */
  #restUntil = 0;
  #shortage: CurrentShortage | undefined;
  /** Whether a look at the GPUs of the machine has found a change since the last step. */
  #gpusChanged = false;

  constructor(context: SchedulerContext) {
    this.#context = context;
    this.#runs = new RunWatch(context, {
      onPrepared: (run, handle, launch) => this.commit(() => this.#storeHandle(run, handle, launch)),
      onStarted: (run, startedOn) => this.#hasStarted(run, startedOn),
      onState: (run, state) => this.#runChanged(run, state),
      onShortage: (run, reason) => this.#rest(run, reason),
      onEnded: (run, end) => this.#runEnded(run, end),
    });
  }

  /** Returns what is known of jobs beyond the API of 2018, for one response. */
  jobDetails(): JobDetails {
    return new JobDetails(this.#context, this.#currentShortage());
  }

  /** Returns what keeps nodes from being added to a cluster or from getting ready. */
  lacksOf(cluster: StoredResource<"clusters">): Lacks {
    return { gpus: nodesMissingGpus(this.#context, cluster), shortage: this.#currentShortage() };
  }

  /** Returns why jobs cannot run on nodes of a size; undefined if they can. */
  problemOfSize(vmSize: string | undefined): Promise<string | undefined> {
    return problemOfType(this.#context.engines, this.#context.nodeTypes.of(vmSize));
  }

  /** Recovers the runs of an earlier process of the service, and starts to schedule. */
  start(): void {
    this.#context.store.nodes.describeUnknown(thisMachine());
    this.#context.gpus.onChange(() => {
      this.#gpusChanged = true;
      this.wake();
    });
    this.#runs.recover();
    this.wake();
  }

  /** Schedules another step soon, because something has changed. */
  wake(): void {
    if (this.#awake || this.#closed) return;
    this.#awake = true;
    const step = (): void => {
      this.#awake = false;
      if (!this.#closed) this.#pacedStep();
    };
    const pauseInMs = this.#pauseUntil - performance.now();
    if (pauseInMs > 0) setTimeout(step, pauseInMs);
    else setImmediate(step);
  }

  /**
   * Carries out a change of the store in the transaction of the next step, which all changes of that moment share. Resolves
   * with its result once it is committed. Rejects if the change or the commit fails; then nothing of it is stored.
   */
  commit<T>(change: () => T): Promise<T> {
    if (this.#closed) return Promise.reject(closed());
    const committed = this.#changes.add(change);
    this.wake();
    return committed;
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
    for (const change of this.#changes.take()) change.failed(closed());
    await this.#runs.close();
    await Promise.all(this.#background);
  }

  /** Pauses after a step for as long as it took: on a slow disk, more changes then share the next commit. */
  #pacedStep(): void {
    const started = performance.now();
    this.#step();
    const ended = performance.now();
    this.#pauseUntil = ended + Math.min(ended - started, longestPauseInMs);
  }

  #step(): void {
    const { store, logger } = this.#context;
    const rest = this.#restUntil - performance.now();
    let delayInMs = retryInMs;
    try {
      const dueClusters = this.#visitTimes.due(store.clock.now());
      if (this.#gpusChanged) store.changedClusters.addAll();
      this.#gpusChanged = false;
      const { visits, gpuRuns, isComplete } = storeStep(this.#context, {
        changes: this.#changes.take(),
        dueClusters,
        mayStart: rest <= 0,
      });
      for (const { clusterKey, nextVisit } of visits) this.#visitTimes.set(clusterKey, nextVisit);
      this.#startAll([...visits.flatMap(({ starting }) => starting), ...gpuRuns]);
      this.#runs.stopRequested();
      // A step that failed after its commit may have left runs that nothing follows.
      if (!isComplete) this.#runs.recover();
      delayInMs = Math.min(isComplete ? Infinity : retryInMs, this.#nextEvent() - store.clock.now());
    } catch (error) {
      logger.error({ error: String(error) }, "failed to follow up a scheduling step; it is retried");
    }
    this.#wakeIn(rest > 0 ? Math.min(rest, delayInMs) : delayInMs);
  }

  /** Starts runs that are stored. All of them are followed before anything else that could fail. */
  #startAll(starting: readonly StartingRun[]): void {
    for (const start of starting) this.#runs.start(start);
    for (const { run } of starting) {
      const { id, owner, nodes, gpus } = run;
      this.#context.logger.info({ run: id, owner, nodes, ...(holdsGpus(run) && { gpus }) }, "run starts");
    }
  }

  /** Returns whether the run may start. */
  #storeHandle({ id }: Run, handle: RunHandle, { plan, outputs }: Launch): boolean {
    const { store } = this.#context;
    const current = store.runs.find(id);
    if (!current || current.ended || current.stopReason !== undefined) return false;
    store.runs.setHandle(id, handle, outputs);
    this.#shortage = undefined;
    if (current.deadline !== undefined) this.#restartTimeLimit(current, plan.container !== undefined);
    return true;
  }

  /**
   * The preparation of a run had as much time as its job may take; its processes get all of it again. A container may take
   * long to start, so its time begins only then.
   */
  #restartTimeLimit({ id, owner }: Run, hasContainer: boolean): void {
    const { store } = this.#context;
    const job = store.resources.find("jobs", owner);
    if (job) store.runs.setDeadline(id, hasContainer ? undefined : deadlineOf(job.model, store.clock));
  }

  /** Stores when the time of a run is up whose container has started, unless that is known. */
  async #hasStarted({ id, owner }: Run, startedOn: Date | undefined): Promise<void> {
    const { store } = this.#context;
    const job = store.resources.find("jobs", owner);
    if (job?.model.constraints?.maxWallClockTime === undefined || store.runs.find(id)?.deadline !== undefined) return;
    await this.commit(() => {
      const elapsedInMs = runningTimeOf(startedOn, store.runs.ageOf(id));
      store.runs.setDeadline(id, deadlineOf(job.model, store.clock, elapsedInMs));
    });
  }

  /** Stores that an engine lets a run wait in its own queue, or has started it. */
  async #runChanged(run: Run, state: RunState): Promise<void> {
    const { logger } = this.#context;
    const change = await this.commit(() => storeQueueState(this.#context.store, run, state));
    if (change === "started") logger.info({ run: run.id, owner: run.owner }, "run left the queue of its engine");
    else if (change) await writeToLog(this.#context, run, `The job waits: ${change.reason}`);
  }

  /** Lets the machine recover before anything else is started. */
  #rest(run: Run, reason: string): void {
    this.#context.logger.warn({ run: run.id, reason }, "failed to start a run for now; it is queued again");
    this.#restUntil = performance.now() + retryInMs;
    this.#shortage = { reason, since: this.#shortage?.since ?? new Date() };
  }

  async #runEnded(run: Run, end: RunEnd): Promise<void> {
    if (end.kind === "interrupted") await writeToLog(this.#context, run, `The run was interrupted: ${end.reason}`);
    const details = await failureDetails(this.#context, run.id, end); // Standard error may be on a volume.
    await unmountVolumes(this.#context, run);
    const handle = await this.commit(() => endRun(this.#context, run.id, end, details));
    if (holdsGpus(run)) this.#context.gpus.lookSoon();
    this.#inBackground(this.#cleanUp(run, handle));
    const exitCode = end.kind === "exited" ? end.exitCode : undefined;
    this.#context.logger.info({ run: run.id, owner: run.owner, end: end.kind, exitCode }, "run ended");
  }

  /** The lack of something for which nothing starts for a moment; undefined if runs may start. */
  #currentShortage(): CurrentShortage | undefined {
    return performance.now() < this.#restUntil ? this.#shortage : undefined;
  }

  #inBackground(work: Promise<void>): void {
    const settled = work
      .catch((error: unknown) => {
        this.#context.logger.error({ error: String(error) }, "failed to clean up after a run");
      })
      .finally(() => this.#background.delete(settled));
    this.#background.add(settled);
  }

  async #cleanUp(run: Run, handle: RunHandle | undefined): Promise<void> {
    const { engines, folders, logger } = this.#context;
    try {
      if (handle) await engines.forHandle(handle)?.cleanUp(handle);
    } catch (error) {
      logger.warn({ run: run.id, error: String(error) }, "failed to clean up after a run");
    }
    folders.discardRun(run.id);
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

  /** Time on the steady clock when time alone changes something: the limit of a job, or a node that has been idle for long. */
  #nextEvent(): number {
    return Math.min(this.#visitTimes.next(), this.#context.store.runs.nextDeadline() ?? Infinity);
  }
}

function closed(): Error {
  return new Error("The scheduler is closed.");
}
