import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "../../logger.ts";
import { abortable } from "./abortable.ts";
import { findBash } from "./bash.ts";
import type { LaunchPlan, LaunchSecrets, RunExit, RunState } from "../engine.ts";
import type { LauncherClient } from "./launcherClient.ts";
import { nodeEnvironment } from "./nodeEnvironment.ts";
import { hasProcesses } from "./processTable.ts";
import { attempt, StartError } from "../../startError.ts";
import { reasonOf } from "../../../ground/systemErrors.ts";
import { RunFiles } from "./runFiles.ts";
import { appendTo, makeFolders, removeMounts } from "./runFolders.ts";
import { runMarker } from "./supervisorScript.ts";
import { checkPlan, writeSteps } from "./supervisorSteps.ts";

/** What the process engine keeps of a run in its handle. */
export type LocalRunDetails = Pick<LaunchPlan, "runId" | "runDirectory" | "mounts"> & {
  readonly executionLogs: readonly string[];
};

/** What all runs of an engine share. */
export interface LocalRunContext {
  readonly launcher: LauncherClient;
  /** Aborted when the engine is closed. */
  readonly closing: AbortSignal;
  /** What goes on without anybody waiting for it. */
  readonly background: Set<Promise<void>>;
  readonly gracePeriodInMs: number;
  readonly logger: Logger;
}

/** How often to look at a run whose end nobody reports. */
const lookIntervalInMs = 250;

const lost: RunExit = {
  kind: "failed",
  code: "RunLost",
  message: "What ran the job is gone and left no exit code: the machine was restarted, or its processes were killed.",
};
const neverStarted = new StartError("RunNotStarted", "The run was never started.");

/**
 * One run on this machine. Its files hold the truth, because the service, the launcher and the supervisor may each die
 * at any time. Whoever writes the exit file first decides how the run ended: a run that ended by itself just before it
 * was stopped keeps its exit code.
 */
export class LocalRun {
  readonly runId: string;
  readonly #details: LocalRunDetails;
  readonly #context: LocalRunContext;
  readonly #files: RunFiles;
  #tellEnd: (exit: RunExit) => void = () => undefined;
  readonly #ended = new Promise<RunExit>((resolve) => {
    this.#tellEnd = resolve;
  });
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  #concluding: Promise<RunExit> | undefined;
  #polling = false;

  constructor(details: LocalRunDetails, context: LocalRunContext) {
    this.runId = details.runId;
    this.#details = details;
    this.#context = context;
    this.#files = new RunFiles(details.runDirectory);
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
    if (state.kind === "ended") return { kind: "ended", exit: await this.#conclude(state.exit) };
    if (state.kind === "running") this.#poll();
    return state;
  }

  wait(abortSignal?: AbortSignal): Promise<RunExit> {
    if (!this.#starting && !this.#concluding) this.#poll();
    const { closing } = this.#context;
    const signal = abortSignal ? AbortSignal.any([closing, abortSignal]) : closing;
    return abortable(this.#ended, signal);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async cleanUp(): Promise<void> {
    await this.#starting;
    await removeMounts(this.#details.mounts);
    await this.#files.remove();
  }

  /** The launcher saw a supervisor of this run end. */
  supervisorEnded(): void {
    this.#inBackground(async () => {
      // One that died before it claimed the run cannot come back; one that came too late leaves the run to the first.
      await this.#files.withdraw().catch(() => undefined);
      if (!(await this.#look())) this.#poll();
    });
  }

  /** The launcher died: nobody will report the end of this run any more. */
  launcherLost(): void {
    if (this.#starting && !this.#concluding) this.#poll();
  }

  async #start(plan: LaunchPlan, secrets: LaunchSecrets): Promise<void> {
    try {
      if ((await this.#files.readClaim()).kind !== "open") {
        this.#poll();
        return;
      }
      checkPlan(plan, secrets);
      await makeFolders(plan);
      await attempt("The run cannot be prepared", async () => {
        await this.#files.make();
        await writeSteps(this.#files, plan, this.#context.gracePeriodInMs);
      });
      if (!this.#stopping) await this.#spawn(plan, secrets);
    } catch (error) {
      if (this.#context.closing.aborted) return;
      await this.#startFailed(error);
    }
  }

  async #spawn({ runId, runDirectory, environment }: LaunchPlan, secrets: LaunchSecrets): Promise<void> {
    const bash = await findBash();
    if (bash === undefined) throw new StartError("FailedStartingProcess", "bash was not found on this machine.");
    await attempt("The run cannot be started", () => {
      return this.#context.launcher.request({
        kind: "spawn",
        runId,
        bash,
        runDirectory,
        environment: { ...nodeEnvironment(), ...environment, ...secrets.environment, [runMarker]: runId },
      });
    });
  }

  async #startFailed(error: unknown): Promise<void> {
    const failure = error instanceof StartError ? error : new StartError("FailedStartingProcess", reasonOf(error));
    const { code, message: reason } = failure;
    this.#context.logger.warn({ runId: this.runId, code, reason }, "A run did not start");
    const claim = await this.#files.withdraw().catch(() => undefined);
    if (claim?.kind === "supervised") this.#poll();
    else await this.#conclude(failedExit(failure));
  }

  async #stop(): Promise<void> {
    // Withdrawn first, so that nothing can start any more; then nothing but this can decide how the run ended.
    await this.#files.withdraw().catch(() => undefined);
    await this.#conclude({ kind: "stopped" });
  }

  /** Looks whether the run has ended, and concludes it if so. */
  async #look(): Promise<boolean> {
    if (this.#concluding) return true;
    const claim = await this.#files.readClaim();
    if (claim.kind === "open") return false;
    const state = await this.#read();
    // While it is being stopped, only that decides.
    if (state.kind === "running" || this.#stopping) return false;
    await this.#conclude(state.kind === "ended" ? state.exit : failedExit(neverStarted));
    return true;
  }

  /** Reads the state of a claimed run from its files. */
  async #read(): Promise<RunState> {
    const claim = await this.#files.readClaim();
    // The exit file after the claim: a supervisor that was gone then has written it before.
    const exit = await this.#files.readExit();
    if (exit) return { kind: "ended", exit };
    if (claim.kind === "supervised") return claim.alive ? { kind: "running" } : { kind: "ended", exit: lost };
    const isWriting = claim.kind === "unreadable" && hasProcesses(runMarker, this.runId);
    return isWriting ? { kind: "running" } : { kind: "notStarted" };
  }

  /** Looks again and again, until the run has ended. */
  #poll(): void {
    if (this.#polling) return;
    this.#polling = true;
    const { closing } = this.#context;
    this.#inBackground(async () => {
      try {
        while (!(await this.#look())) await delay(lookIntervalInMs, undefined, { signal: closing });
      } finally {
        this.#polling = false;
      }
    });
  }

  /** Carries out what only the closing of the engine waits for. */
  #inBackground(step: () => Promise<void>): void {
    const { background, closing, logger } = this.#context;
    const work = step()
      .catch((error: unknown) => {
        if (!closing.aborted) logger.error({ runId: this.runId, reason: reasonOf(error) }, "A run cannot be followed");
      })
      .finally(() => background.delete(work));
    background.add(work);
  }

  #conclude(exit: RunExit): Promise<RunExit> {
    this.#concluding ??= this.#settle(exit);
    return this.#concluding;
  }

  /** Records how the run ended, ends what is left of it, and tells those who wait. */
  async #settle(exit: RunExit): Promise<RunExit> {
    const settled = await this.#files.recordExit(exit).catch(() => exit);
    const { launcher, gracePeriodInMs, closing, logger } = this.#context;
    try {
      await launcher.request({ kind: "end", runId: this.runId, gracePeriodInMs });
    } catch (error) {
      if (closing.aborted) throw error;
      logger.error({ runId: this.runId, reason: reasonOf(error) }, "What is left of a run could not be ended");
    }
    if (settled.kind !== "exited") await this.#note(settled);
    this.#tellEnd(settled);
    return settled;
  }

  async #note(exit: RunExit): Promise<void> {
    const text = exit.kind === "failed" ? `Run failed: ${exit.message}` : "Run ended by the service.";
    const line = `${new Date().toISOString().replace(/\.\d+/, "")} ${text.replaceAll("\n", " ")}\n`;
    await Promise.all(this.#details.executionLogs.map((log) => appendTo(log, line).catch(() => undefined)));
  }
}

function failedExit(error: StartError): RunExit {
  return { kind: "failed", ...error.error };
}
