import { setTimeout as delay } from "node:timers/promises";
import { reasonOf } from "../../../ground/systemErrors.ts";
import type { Logger } from "../../logger.ts";
import { attempt, attemptNow, isShortage, StartError } from "../../startError.ts";
import type { LaunchMount, LaunchPlan, LaunchSecrets, RunEnd, RunState } from "../engine.ts";
import type { PlainPlan } from "../launchText.ts";
import { abortable } from "../../abortable.ts";
import { findBash } from "./bash.ts";
import type { LauncherClient } from "./launcherClient.ts";
import { containerObjection, withLocalValues } from "./localPlan.ts";
import { nodeEnvironment } from "./nodeEnvironment.ts";
import type { SupervisorExit } from "./launcherMessages.ts";
import { hasProcesses } from "../supervisor/processTable.ts";
import { RunFiles } from "../supervisor/runFiles.ts";
import { appendToLog, foldersOf, removeMounts } from "../supervisor/runFolders.ts";
import { ranNothing, runMarker } from "../supervisor/supervisorScript.ts";
import { checkPlan, supervisorPlan } from "../supervisor/supervisorSteps.ts";

/** The part of a handle that belongs to the process engine. The folder of the run is where the service says. */
export type LocalRunDetails = Pick<LaunchPlan, "runId"> & {
  readonly executionLogs: readonly string[];
  /** Links that the engine itself created; only in handles of version 1. */
  readonly mounts?: readonly LaunchMount[];
};

/** Everything that all runs of an engine share. */
export interface LocalRunContext {
  readonly launcher: LauncherClient;
  /** Aborted when the engine is closed. */
  readonly closing: AbortSignal;
  /** Work that only the closing of the engine waits for. */
  readonly background: Set<Promise<void>>;
  readonly gracePeriodInMs: number;
  readonly logger: Logger;
}

/** Polling interval of a run whose end no launcher reports. */
const pollIntervalInMs = 250;
const retryIntervalInMs = 1000;

const lost = (reason: string): RunEnd => ({ kind: "failed", code: "RunLost", message: reason });

const vanished = lost(
  "The processes of the job vanished without an exit code: the machine was restarted, or the processes were killed.",
);
const removed = lost("The folder of the run was removed, and its exit code with it.");
/** Its processes belong to the service that uses the original of the data folder, so they are left alone. */
const copied = lost(
  "The data folder was copied while the job ran. The job belongs to the folder from which it was copied.",
);

/** End of a run that will never start although its start was tried. A failure: the scheduler must not try it forever. */
const neverStarted: RunEnd = { kind: "failed", code: "RunNotStarted", message: "The run was never started." };

/** Reason of a supervisor that has run nothing. */
const noRoom = "The machine lacks processes, or room on the disk, for the supervisor of the run.";

/**
 * One run on this machine. Its files decide how it ended, because the service, the launcher and the supervisor can each die
 * at any time. The first process that writes the exit file wins: a run that ended by itself just before it was stopped
 * keeps its exit code.
 */
export class LocalRun {
  readonly runId: string;
  readonly #folder: string;
  readonly #details: LocalRunDetails;
  readonly #context: LocalRunContext;
  readonly #files: RunFiles;
  #resolveEnd: (end: RunEnd) => void = () => undefined;
  readonly #ended = new Promise<RunEnd>((resolve) => {
    this.#resolveEnd = resolve;
  });
  // The steps of a run; each is taken once at most.
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  #concluding: Promise<RunEnd> | undefined;
  #polling: Promise<void> | undefined;
  /** Whether the launcher has started a supervisor. From then on, a claim that is not there was removed. */
  #spawned = false;
  /** Reason why nothing was run, although the start was tried. */
  #lack: string | undefined;
  /** Whether the launcher has seen that no process of the run is left. */
  #isOver = false;

  /** @param folder - Folder that belongs to this run alone; it contains the engine's own files. */
  constructor(details: LocalRunDetails, folder: string, context: LocalRunContext) {
    this.runId = details.runId;
    this.#folder = folder;
    this.#details = details;
    this.#context = context;
    this.#files = new RunFiles(details.runId, folder);
  }

  start(plan: LaunchPlan, secrets: LaunchSecrets): Promise<void> {
    this.#starting ??= this.#start(plan, secrets);
    return this.#starting;
  }

  async recover(): Promise<RunState> {
    await this.#starting;
    await this.#stopping;
    await this.#files.withdraw();
    const state = await this.#read();
    if (state.kind === "running") this.#poll();
    if (state.kind !== "ended" || state.end.kind === "notStarted") return state;
    return { kind: "ended", end: await this.#conclude(state.end) };
  }

  wait(abortSignal?: AbortSignal): Promise<RunEnd> {
    if (!this.#starting && !this.#concluding) this.#poll();
    const ended = abortable(this.#ended, this.#context.closing);
    return abortSignal ? abortable(ended, abortSignal) : ended;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop().catch((error: unknown) => {
      this.#stopping = undefined;
      throw error;
    });
    return this.#stopping;
  }

  async cleanUp(): Promise<void> {
    await this.#starting;
    removeMounts(this.#details.mounts ?? []);
    await this.#files.remove();
  }

  /** Called when the launcher sees a supervisor of this run end. */
  supervisorEnded({ exitCode, isOver }: SupervisorExit): void {
    this.#isOver = isOver;
    if (exitCode === ranNothing) this.#lack = noRoom;
    this.#poll(async () => {
      // A supervisor that died before it claimed the run cannot return. One that came too late leaves it to the first.
      if (!this.#mayHaveRun()) await this.#files.withdraw();
    });
  }

  /** Called when the launcher dies: it will not report the end of this run. */
  launcherLost(): void {
    if (this.#starting && !this.#concluding) this.#poll();
  }

  async #start(plan: LaunchPlan, secrets: LaunchSecrets): Promise<void> {
    let mayHaveStarted = false;
    try {
      if (this.#files.readClaim().kind !== "open") {
        this.#poll();
        return;
      }
      const objection = containerObjection(plan);
      if (objection) throw objection;
      const plain = await withLocalValues(plan);
      checkPlan(plain, secrets);
      attemptNow("The run cannot be prepared", () => {
        this.#files.writePlan(supervisorPlan(plain, this.#context.gracePeriodInMs));
      });
      if (this.#stopping) return;
      mayHaveStarted = true;
      await this.#spawn(plain, secrets);
    } catch (error) {
      if (this.#context.closing.aborted) return;
      await this.#startFailed(error, mayHaveStarted);
    }
  }

  async #spawn(plan: PlainPlan, secrets: LaunchSecrets): Promise<void> {
    const { runId, environment } = plan;
    const bash = await findBash();
    if (bash === undefined) throw new StartError("FailedStartingProcess", "bash was not found on this machine.");
    await attempt("The run cannot be started", () => {
      return this.#context.launcher.request({
        kind: "spawn",
        runId,
        bash,
        folder: this.#folder,
        folders: foldersOf(plan),
        environment: { ...nodeEnvironment(), ...environment, ...secrets.environment, [runMarker]: runId },
      });
    });
    this.#spawned = true;
  }

  async #startFailed(error: unknown, mayHaveStarted: boolean): Promise<void> {
    const failure =
      error instanceof StartError ? error : new StartError("FailedStartingProcess", reasonOf(error), { cause: error });
    const { code, message: reason } = failure;
    this.#context.logger.warn({ run: this.runId, code, reason }, "run did not start");
    if (isShortage(failure)) {
      this.#lack = reason;
      this.#poll(() => this.#files.withdraw());
      return;
    }
    const claim = mayHaveStarted ? await this.#files.withdraw().catch(() => undefined) : undefined;
    if (claim?.kind === "supervised") this.#poll();
    else await this.#conclude({ kind: "failed", ...failure.error });
  }

  async #stop(): Promise<void> {
    // Withdrawn first: then no supervisor can start, and only this code decides how the run ended.
    await this.#files.withdraw().catch(() => undefined);
    await this.#conclude({ kind: "stopped" });
  }

  /** Whether the launcher has started a supervisor, and it has not said that it ran nothing. */
  #mayHaveRun(): boolean {
    return this.#spawned && this.#lack === undefined;
  }

  /** Looks whether the run has ended, and concludes it if so. */
  async #look(): Promise<boolean> {
    if (this.#concluding) return true;
    if (!this.#spawned && this.#files.readClaim().kind === "open") return false;
    const state = await this.#read();
    // During a stop, only `#stop` decides how the run ends.
    if (state.kind !== "ended" || this.#stopping) return false;
    const { end } = state;
    await this.#conclude(end.kind === "notStarted" && end.reason === undefined ? neverStarted : end);
    return true;
  }

  /** Reads the state of a run that is claimed or withdrawn. A run has never started only if nothing speaks against it. */
  async #read(): Promise<RunState> {
    const known = await this.#readFiles();
    if (known) return known;
    // The supervisor still writes its claim, or somebody has damaged it: then the processes know more than the files.
    if (!this.#isOver && hasProcesses(runMarker, this.runId)) return { kind: "running" };
    // Once more, because it may have ended in the meantime.
    return (await this.#readFiles()) ?? { kind: "ended", end: this.#endWithoutTrace() };
  }

  /** Returns the state of the run if its files tell it. */
  async #readFiles(): Promise<RunState | undefined> {
    const claim = this.#files.readClaim();
    // The exit file after the claim: a supervisor that was gone then has written it before.
    const end = await this.#files.readExit();
    if (end) return { kind: "ended", end: end.kind === "notStarted" ? { ...end, reason: noRoom } : end };
    if (claim.kind === "elsewhere") return { kind: "ended", end: copied };
    if (claim.kind !== "supervised") return undefined;
    return claim.alive ? { kind: "running" } : { kind: "ended", end: vanished };
  }

  #endWithoutTrace(): RunEnd {
    if (this.#files.readClaim().kind === "missing") return removed;
    if (this.#mayHaveRun()) return vanished;
    return this.#lack === undefined ? { kind: "notStarted" } : { kind: "notStarted", reason: this.#lack };
  }

  /**
   * Polls until the run has ended. A look that fails says nothing about the run: the next one may succeed.
   * @param first - Carried out before each look.
   */
  #poll(first: () => Promise<unknown> = async () => undefined): void {
    const { closing } = this.#context;
    const look = async (): Promise<boolean> => {
      await first();
      return this.#look();
    };
    this.#polling ??= this.#inBackground(async () => {
      while (!(await look().catch((error: unknown) => this.#lookFailed(error)))) {
        await delay(pollIntervalInMs, undefined, { signal: closing });
      }
    }).finally(() => {
      this.#polling = undefined;
    });
  }

  #lookFailed(error: unknown): false {
    this.#context.logger.warn(
      { run: this.runId, reason: reasonOf(error) },
      "failed to look at a run; polling continues",
    );
    return false;
  }

  /** Carries out work that only the closing of the engine waits for. */
  #inBackground(step: () => Promise<void>): Promise<void> {
    const { background, closing, logger } = this.#context;
    const work = step()
      .catch((error: unknown) => {
        if (!closing.aborted) logger.error({ run: this.runId, reason: reasonOf(error) }, "failed to follow a run");
      })
      .finally(() => background.delete(work));
    background.add(work);
    return work;
  }

  #conclude(end: RunEnd): Promise<RunEnd> {
    this.#concluding ??= this.#settle(end).catch((error: unknown) => {
      this.#concluding = undefined;
      throw error;
    });
    return this.#concluding;
  }

  /** Records how the run ended, stops what is left of it, and resolves the promises of `wait`. */
  async #settle(end: RunEnd): Promise<RunEnd> {
    const isOurs = this.#files.readClaim().kind !== "elsewhere";
    // A withdrawn claim without an exit file says that the run never started.
    const settled = end.kind === "notStarted" ? end : await this.#files.recordExit(end).catch(() => end);
    if (isOurs && !this.#isOver) await this.#endProcesses();
    if (settled.kind === "failed" || settled.kind === "stopped") this.#note(settled);
    this.#resolveEnd(settled);
    return settled;
  }

  /** Ends what is left of the run. Tries again until the launcher succeeds, or the engine closes. */
  async #endProcesses(): Promise<void> {
    const { launcher, gracePeriodInMs, closing, logger } = this.#context;
    for (;;) {
      try {
        await launcher.request({ kind: "end", runId: this.runId, gracePeriodInMs });
        return;
      } catch (error) {
        if (closing.aborted) throw error;
        logger.warn(
          { run: this.runId, reason: reasonOf(error) },
          "failed to stop the rest of a run; it is tried again",
        );
      }
      await delay(retryIntervalInMs, undefined, { signal: closing });
    }
  }

  #note(end: RunEnd): void {
    const text = end.kind === "failed" ? `Run failed: ${end.message}` : "The service stopped the run.";
    for (const log of this.#details.executionLogs) {
      try {
        appendToLog(log, text);
      } catch {
        // The log is for people; the end of the run does not depend on it.
      }
    }
  }
}
