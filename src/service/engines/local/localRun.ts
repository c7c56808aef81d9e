import { setTimeout as delay } from "node:timers/promises";
import { reasonOf } from "../../../ground/systemErrors.ts";
import type { Logger } from "../../logger.ts";
import { attempt, attemptNow, isShortage, StartError } from "../../startError.ts";
import type { LaunchMount, LaunchPlan, LaunchSecrets, RunEnd, RunState } from "../engine.ts";
import type { PlainPlan } from "../launchText.ts";
import { abortable } from "../../abortable.ts";
import { findBash } from "./bash.ts";
import { releasePorts } from "./freePorts.ts";
import type { LauncherClient } from "./launcherClient.ts";
import type { RunLimits } from "./limits/runLimits.ts";
import { containerObjection, withLocalValues } from "./localPlan.ts";
import { copied, idle, neverStarted, noRoom, removed } from "./localEnds.ts";
import { nodeEnvironment } from "./nodeEnvironment.ts";
import type { SupervisorExit } from "./launcherMessages.ts";
import { appendToLogs } from "../../executionLog.ts";
import { hasProcesses } from "../supervisor/processTable.ts";
import { RunFiles } from "../supervisor/runFiles.ts";
import { foldersOf, removeMounts } from "../supervisor/runFolders.ts";
import { ranNothing, runMarker } from "../supervisor/supervisorScript.ts";
import { checkPlan, checkSecrets, supervisorPlan, type SupervisorPeriods } from "../supervisor/supervisorSteps.ts";

/** The part of a handle that belongs to the process engine. The folder of the run is where the service says. */
export type LocalRunDetails = Pick<LaunchPlan, "runId"> & {
  readonly executionLogs: readonly string[];
  /** Links that the engine itself created; only in handles of version 1. */
  readonly mounts?: readonly LaunchMount[];
};

/** Everything that all runs of an engine share. */
export interface LocalRunContext extends SupervisorPeriods {
  readonly launcher: LauncherClient;
  readonly limits: RunLimits;
  /** Aborted when the engine is closed. */
  readonly closing: AbortSignal;
  /** Work that only the closing of the engine waits for. */
  readonly background: Set<Promise<void>>;
  readonly logger: Logger;
}

/** Polling interval of a run whose end no launcher reports. */
const pollIntervalInMs = 250;
const retryIntervalInMs = 1000;

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
  #reserving: Promise<PlainPlan> | undefined;
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  #concluding: Promise<RunEnd> | undefined;
  #polling: Promise<void> | undefined;
  /** Whether a supervisor was started, or processes were seen. From then on, a claim that is not there was removed. */
  #spawned = false;
  /** Reason why nothing was run, although the start was tried. */
  #lack: string | undefined;
  /** Whether the launcher has seen that no process of the run is left. */
  #isOver = false;
  /** Exit code of its supervisor, as far as the launcher has reported it. */
  #exitCode: number | null | undefined;
  /** Whether no supervisor can start any more: it has ended, or could not be started. */
  #isDecided = false;

  /**
   * @param folder - Folder that belongs to this run alone; it contains the engine's own files.
   * @param hasPlan - Whether {@link LocalRun.reserve} was called before the handle was stored.
   */
  constructor(details: LocalRunDetails, folder: string, hasPlan: boolean, context: LocalRunContext) {
    this.runId = details.runId;
    this.#folder = folder;
    this.#details = details;
    this.#context = context;
    this.#files = new RunFiles(details.runId, folder, hasPlan);
  }

  async reserve(plan: LaunchPlan): Promise<void> {
    this.#reserving ??= this.#reserve(plan);
    await this.#reserving;
  }

  start(secrets: LaunchSecrets): Promise<void> {
    this.#starting ??= this.#start(secrets);
    return this.#starting;
  }

  async recover(): Promise<RunState> {
    await this.#starting;
    await this.#stopping;
    if (this.#concluding) return { kind: "ended", end: await this.#concluding };
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
    releasePorts(this.runId);
    removeMounts(this.#details.mounts ?? []);
    await this.#files.remove();
  }

  /** Called when the launcher sees a supervisor of this run end. */
  supervisorEnded({ exitCode, isOver }: SupervisorExit): void {
    this.#isOver = isOver;
    this.#isDecided = true;
    this.#exitCode = exitCode;
    if (exitCode === ranNothing) this.#lack = noRoom;
    this.#poll();
  }

  /** Called when the launcher dies: it will not report the end of this run. */
  launcherLost(): void {
    if (this.#starting && !this.#concluding) this.#poll();
  }

  async #reserve(plan: LaunchPlan): Promise<PlainPlan> {
    const objection = containerObjection(plan);
    if (objection) throw objection;
    const plain = await withLocalValues(plan);
    checkPlan(plain);
    attemptNow("The run cannot be prepared", () => {
      this.#files.writePlan(supervisorPlan(plain, this.#context));
    });
    return plain;
  }

  async #start(secrets: LaunchSecrets): Promise<void> {
    let mayHaveStarted = false;
    try {
      const plan = await this.#reserving;
      if (plan === undefined || this.#files.readClaim().kind !== "open") {
        this.#poll();
        return;
      }
      checkSecrets(secrets);
      if (this.#stopping) return;
      mayHaveStarted = true;
      await this.#spawn(plan, secrets);
    } catch (error) {
      if (this.#context.closing.aborted) return;
      await this.#startFailed(error, mayHaveStarted);
    }
  }

  async #spawn(plan: PlainPlan, secrets: LaunchSecrets): Promise<void> {
    const { runId, environment } = plan;
    const bash = await findBash();
    if (bash === undefined) throw new StartError("FailedStartingProcess", "bash was not found on this machine.");
    const limits = await this.#context.limits.startsOf(runId, plan.limits, bash);
    await attempt("The run cannot be started", () => {
      return this.#context.launcher.request({
        kind: "spawn",
        runId,
        bash,
        folder: this.#folder,
        folders: foldersOf(plan),
        environment: { ...nodeEnvironment(), ...environment, ...secrets.environment, [runMarker]: runId },
        limits,
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
      this.#isDecided = true;
      this.#poll();
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
    if (this.#isDecided && !this.#mayHaveRun()) await this.#files.withdraw();
    else if (!this.#spawned && this.#files.readClaim().kind === "open") return false;
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
    if (!this.#isOver && hasProcesses(runMarker, this.runId)) {
      this.#spawned = true;
      return { kind: "running" };
    }
    // Once more, because it may have ended in the meantime.
    return (await this.#readFiles()) ?? { kind: "ended", end: await this.#endWithoutTrace() };
  }

  /** Returns the state of the run if its files tell it. */
  async #readFiles(): Promise<RunState | undefined> {
    const claim = this.#files.readClaim();
    // The exit file after the claim: a supervisor that was gone then has written it before.
    const end = await this.#files.readExit();
    if (end && end.kind !== "notStarted") return { kind: "ended", end };
    if (claim.kind === "elsewhere") return { kind: "ended", end: copied };
    if (claim.kind !== "supervised") return undefined;
    if (claim.alive) return { kind: "running" };
    // A supervisor that ended well has run something, so it was the job that wrote this.
    const wasIdle = end !== undefined && this.#exitCode !== 0;
    return { kind: "ended", end: wasIdle ? idle : await this.#context.limits.endOfVanished(this.runId) };
  }

  async #endWithoutTrace(): Promise<RunEnd> {
    const { kind } = this.#files.readClaim();
    if (kind === "missing") return removed;
    if (kind === "damaged" || this.#mayHaveRun()) return this.#context.limits.endOfVanished(this.runId);
    return this.#lack === undefined ? { kind: "notStarted" } : { kind: "notStarted", reason: this.#lack };
  }

  /** Polls until the run has ended. A look that fails says nothing about the run: the next one may succeed. */
  #poll(): void {
    const { closing } = this.#context;
    this.#polling ??= this.#inBackground(async () => {
      while (!(await this.#look().catch((error: unknown) => this.#lookFailed(error)))) {
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
    const isOurs = !this.#isElsewhere();
    // A withdrawn claim without an exit file says that the run never started.
    const settled = end.kind === "notStarted" ? end : await this.#files.recordExit(end).catch(() => end);
    if (isOurs && !this.#isOver) await this.#endProcesses();
    if (isOurs) void this.#context.limits.release(this.runId);
    if (settled.kind === "failed" || settled.kind === "stopped") await this.#note(settled);
    this.#resolveEnd(settled);
    return settled;
  }

  /** Whether the processes of the run belong to another folder. Unknown counts as no. */
  #isElsewhere(): boolean {
    try {
      return this.#files.readClaim().kind === "elsewhere";
    } catch {
      return false;
    }
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

  async #note(end: RunEnd): Promise<void> {
    const text = end.kind === "failed" ? `Run failed: ${end.message}` : "The service stopped the run.";
    await appendToLogs(this.#details.executionLogs, text);
  }
}
