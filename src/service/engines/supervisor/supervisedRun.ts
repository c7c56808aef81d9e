import { setTimeout as delay } from "node:timers/promises";
import { reasonOf } from "../../../ground/systemErrors.ts";
import { abortable } from "../../abortable.ts";
import { appendToLogs } from "../../executionLog.ts";
import { attemptNow, isShortage, StartError } from "../../startError.ts";
import type { LaunchPlan, LaunchSecrets, RunEnd, RunState, WaitOptions } from "../engine.ts";
import { releasePorts } from "./freePorts.ts";
import type { Life, RunBody } from "./runBody.ts";
import { copied, neverStarted, noRoom, removed, vanished } from "./runEnds.ts";
import type { RunContext, RunParts } from "./runContext.ts";
import type { RunFiles } from "./runFiles.ts";
import { startedNothing } from "./supervisorScript.ts";
import { checkPlan, checkSecrets, supervisorPlan } from "./supervisorSteps.ts";

/** State of a run that has not ended. */
type LiveState = Exclude<RunState, { kind: "ended" }>;

/** What became of the supervisor of a run, as far as this process of the service knows. */
type Fate =
  /** Nothing was started here, and nothing was seen. */
  | { readonly kind: "unknown" }
  /** It was started, or something of the run was seen. From then on, a claim that is not there was removed. */
  | { readonly kind: "started" }
  /** It has run nothing, and never will. */
  | { readonly kind: "absent"; readonly lack: string };

const retryIntervalInMs = 1000;

/**
 * One run with a supervisor. Its files decide how it ended, because the service, the supervisor and what carries it out
 * can each die at any time. The first process that writes the exit file wins: a run that ended by itself just before it
 * was stopped keeps its exit code.
 */
export class SupervisedRun<B extends RunBody = RunBody> {
  readonly runId: string;
  readonly body: B;
  readonly #executionLogs: readonly string[];
  readonly #files: RunFiles;
  readonly #context: RunContext;
  #resolveEnd: (end: RunEnd) => void = () => undefined;
  readonly #ended = new Promise<RunEnd>((resolve) => {
    this.#resolveEnd = resolve;
  });
  // The steps of a run; each is taken once at most.
  #reserving: Promise<LaunchPlan> | undefined;
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  #concluding: Promise<RunEnd> | undefined;
  #polling: Promise<void> | undefined;
  #fate: Fate = { kind: "unknown" };
  #state: LiveState;
  readonly #listeners = new Set<(state: RunState) => void>();

  constructor({ runId, executionLogs, files, body }: RunParts<B>, context: RunContext) {
    this.runId = runId;
    this.body = body;
    this.#executionLogs = executionLogs;
    this.#files = files;
    this.#context = context;
    this.#state = { kind: body.queues ? "waiting" : "running" };
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
    if (!this.body.queues) await this.#files.withdraw();
    const state = await this.#read();
    if (state.kind !== "ended") {
      this.#show(state);
      this.#poll();
    }
    if (state.kind !== "ended" || state.end.kind === "notStarted") return state;
    return { kind: "ended", end: await this.#conclude(state.end) };
  }

  wait({ onState, abortSignal }: WaitOptions): Promise<RunEnd> {
    if (!this.#starting && !this.#concluding) this.#poll();
    const ended = abortable(this.#ended, this.#context.closing);
    const waiting = abortSignal ? abortable(ended, abortSignal) : ended;
    if (onState === undefined) return waiting;
    this.#listeners.add(onState);
    onState(this.#state);
    return waiting.finally(() => this.#listeners.delete(onState));
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
    await this.body.cleanUp?.();
    await this.#files.remove();
  }

  /**
   * Called when the supervisor of this run has ended.
   * @param lack - Reason why it has run nothing, if so.
   */
  supervisorEnded(lack: string | undefined): void {
    if (lack !== undefined) this.#fate = { kind: "absent", lack };
    this.#poll();
  }

  /** Looks for the end from now on, because nobody will report it. */
  lookForEnd(): void {
    if (this.#starting && !this.#concluding) this.#poll();
  }

  async #reserve(plan: LaunchPlan): Promise<LaunchPlan> {
    const filled = await this.body.fill(plan);
    checkPlan(filled);
    attemptNow("The run cannot be prepared", () => {
      this.#files.writePlan(supervisorPlan(filled, this.#context));
    });
    return filled;
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
      await this.body.start(plan, secrets);
      this.#sawIt();
      if (this.body.queues) this.#poll();
    } catch (error) {
      if (this.#context.closing.aborted) return;
      await this.#startFailed(error, mayHaveStarted);
    }
  }

  async #startFailed(error: unknown, mayHaveStarted: boolean): Promise<void> {
    const failure =
      error instanceof StartError ? error : new StartError("FailedStartingProcess", reasonOf(error), { cause: error });
    const { code, message: reason } = failure;
    this.#context.logger.warn({ run: this.runId, code, reason }, "run did not start");
    if (isShortage(failure)) {
      this.supervisorEnded(reason);
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

  /** A run that was found to lack something stays so. */
  #sawIt(): void {
    if (this.#fate.kind === "unknown") this.#fate = { kind: "started" };
  }

  /** Looks whether the run has ended, and concludes it if so. */
  async #look(): Promise<boolean> {
    if (this.#concluding) return true;
    if (this.#fate.kind === "absent") await this.#files.withdraw();
    else if (!this.body.queues && this.#fate.kind === "unknown" && this.#files.readClaim().kind === "open")
      return false;
    const state = await this.#read();
    this.#context.closing.throwIfAborted();
    if (state.kind !== "ended") this.#show(state);
    // During a stop, only `#stop` decides how the run ends.
    if (state.kind !== "ended" || this.#stopping) return false;
    const { end } = state;
    const wasTriedInVain = end.kind === "notStarted" && end.reason === undefined && this.#starting !== undefined;
    await this.#conclude(wasTriedInVain ? neverStarted : end);
    return true;
  }

  /** Tells those who wait for the run about a new state. */
  #show(state: LiveState): void {
    if (JSON.stringify(state) === JSON.stringify(this.#state)) return;
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }

  /** Reads the state of a run. It has never started only if nothing speaks against it, and nothing can start it now. */
  async #read(): Promise<RunState> {
    const known = await this.#files.readExit();
    if (known) return { kind: "ended", end: known };
    const life = await this.body.look(this.#files.readClaim());
    if (life.kind === "elsewhere") return { kind: "ended", end: copied };
    if (life.kind === "unknown") return this.#state;
    if (life.kind === "running") this.#sawIt();
    if (life.kind !== "gone") return life;
    if (this.#files.readClaim().kind === "open" && (await this.#files.withdraw()).kind === "supervised")
      return this.#state;
    // Once more, because it may have ended in the meantime.
    return { kind: "ended", end: (await this.#files.readExit()) ?? this.#endWithoutTrace(life) };
  }

  /**
   * Returns the end of a run that has no exit file. A job must not run twice because of what it writes: it may have
   * removed or replaced every file in the folder of its run, but not an exit code, and nothing outside.
   */
  #endWithoutTrace(life: Extract<Life, { kind: "gone" }>): RunEnd {
    if (life.exitCode === startedNothing) return { kind: "notStarted", reason: noRoom };
    const { kind } = this.#files.readClaim();
    const hasRun = life.hasRun ?? (this.#files.wasClaimed() || this.#files.hasExit());
    const isNew = this.#fate.kind !== "started" || (kind === "withdrawn" && life.hasRun === false);
    if (kind === "missing") return removed;
    // It was in a queue, from which it has vanished before it could begin.
    const isLost = this.#fate.kind === "started" && kind === "withdrawn" && !hasRun;
    if (isLost && life.end?.kind === "notStarted") return life.end;
    if (kind === "supervised" || kind === "damaged" || hasRun || !isNew) return life.end ?? vanished;
    return this.#fate.kind === "absent" ? { kind: "notStarted", reason: this.#fate.lack } : { kind: "notStarted" };
  }

  /** Polls until the run has ended. A look that fails says nothing about the run: the next one may succeed. */
  #poll(): void {
    if (this.#context.closing.aborted) return; // The next process of the service decides what becomes of the run.
    this.#polling ??= this.#inBackground(async () => {
      while (!(await this.#look().catch((error: unknown) => this.#lookFailed(error)))) await this.#pause();
    }).finally(() => {
      this.#polling = undefined;
    });
  }

  /** Waits for the next look, or an exit file. */
  async #pause(): Promise<void> {
    const { closing, exitIntervalInMs, lookIntervalInMs } = this.#context;
    for (let waited = 0; waited < lookIntervalInMs; waited += exitIntervalInMs) {
      await delay(exitIntervalInMs, undefined, { signal: closing });
      if (this.#files.hasExit()) return;
    }
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

  /** Records how the run ended, ends what is left of it, and resolves the promises of `wait`. */
  async #settle(end: RunEnd): Promise<RunEnd> {
    const claim = this.#claimOrNothing();
    // A withdrawn claim without an exit file says that the run never started.
    const recorded = end.kind === "notStarted" ? end : await this.#files.recordExit(end).catch(() => end);
    const settled = await this.#explained(recorded);
    await this.#endBody(claim, settled);
    if (settled.kind === "failed" || settled.kind === "stopped") await this.#note(settled);
    this.#resolveEnd(settled);
    return settled;
  }

  /** Has the body explain an end, and keeps the explanation for later processes of the service. */
  async #explained(end: RunEnd): Promise<RunEnd> {
    const explained = (await this.body.explain?.(end)) ?? end;
    if (explained !== end) await this.#files.replaceExit(explained).catch(() => undefined);
    return explained;
  }

  #claimOrNothing(): ReturnType<RunFiles["readClaim"]> | undefined {
    try {
      return this.#files.readClaim();
    } catch {
      return undefined;
    }
  }

  /** Ends what is left of the run. Tries again until that succeeds, or the engine closes. */
  async #endBody(claim: ReturnType<RunFiles["readClaim"]> | undefined, end: RunEnd): Promise<void> {
    const { closing, logger } = this.#context;
    for (;;) {
      try {
        await this.body.end(claim, end);
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
    await appendToLogs(this.#executionLogs, text);
  }
}
