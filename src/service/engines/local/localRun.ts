import { setTimeout as delay } from "node:timers/promises";
import { reasonOf } from "../../../ground/systemErrors.ts";
import type { Logger } from "../../logger.ts";
import { loopbackAddress } from "../../nodes/machine.ts";
import { attempt, isShortage, StartError } from "../../startError.ts";
import type { LaunchMount, LaunchPlan, LaunchSecrets, RunEnd, RunNeeds, RunState } from "../engine.ts";
import { type PlainPlan, portNumbersIn, withoutSegments } from "../launchText.ts";
import { abortable } from "../../abortable.ts";
import { findBash } from "./bash.ts";
import { freePorts } from "./freePorts.ts";
import type { LauncherClient } from "./launcherClient.ts";
import { nodeEnvironment } from "./nodeEnvironment.ts";
import { hasProcesses } from "../supervisor/processTable.ts";
import { RunFiles } from "../supervisor/runFiles.ts";
import { appendTo, makeFolders, removeMounts } from "../supervisor/runFolders.ts";
import { runMarker } from "../supervisor/supervisorScript.ts";
import { checkPlan, writeSteps } from "../supervisor/supervisorSteps.ts";

/** The part of a handle that belongs to the process engine. */
export type LocalRunDetails = Pick<LaunchPlan, "runId" | "runDirectory"> & {
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

const lost: RunEnd = {
  kind: "failed",
  code: "RunLost",
  message:
    "The processes of the job vanished without an exit code: the machine was restarted, or the processes were killed.",
};

/** End of a run that will never start although its start was tried. A failure: the scheduler must not try it forever. */
const neverStarted: RunEnd = { kind: "failed", code: "RunNotStarted", message: "The run was never started." };

/**
 * One run on this machine. Its files decide how it ended, because the service, the launcher and the supervisor can each die
 * at any time. The first process that writes the exit file wins: a run that ended by itself just before it was stopped
 * keeps its exit code.
 */
export class LocalRun {
  readonly runId: string;
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
    if (state.kind === "running") this.#poll();
    if (state.kind !== "ended" || state.end.kind === "notStarted") return state;
    return { kind: "ended", end: await this.#conclude(state.end) };
  }

  wait(abortSignal?: AbortSignal): Promise<RunEnd> {
    if (!this.#starting && !this.#concluding) this.#poll();
    const { closing } = this.#context;
    const signal = abortSignal ? AbortSignal.any([closing, abortSignal]) : closing;
    return abortable(this.#ended, signal);
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
    await removeMounts(this.#details.mounts ?? []);
    await this.#files.remove();
  }

  /** Called when the launcher sees a supervisor of this run end. */
  supervisorEnded(): void {
    void this.#inBackground(async () => {
      // A supervisor that died before it claimed the run cannot return. One that came too late leaves the run to the first.
      await this.#files.withdraw().catch(() => undefined);
      if (!(await this.#look())) this.#poll();
    });
  }

  /** Called when the launcher dies: it will not report the end of this run. */
  launcherLost(): void {
    if (this.#starting && !this.#concluding) this.#poll();
  }

  async #start(plan: LaunchPlan, secrets: LaunchSecrets): Promise<void> {
    let mayHaveStarted = false;
    try {
      if ((await this.#files.readClaim()).kind !== "open") {
        this.#poll();
        return;
      }
      const objection = containerObjection(plan);
      if (objection) throw objection;
      const plain = await withLocalValues(plan);
      checkPlan(plain, secrets);
      await makeFolders(plain);
      await attempt("The run cannot be prepared", async () => {
        await this.#files.make();
        await writeSteps(this.#files, plain, this.#context.gracePeriodInMs);
      });
      if (this.#stopping) return;
      mayHaveStarted = true;
      await this.#spawn(plain, secrets);
    } catch (error) {
      if (this.#context.closing.aborted) return;
      await this.#startFailed(error, mayHaveStarted);
    }
  }

  async #spawn({ runId, runDirectory, environment }: PlainPlan, secrets: LaunchSecrets): Promise<void> {
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

  async #startFailed(error: unknown, mayHaveStarted: boolean): Promise<void> {
    const failure = error instanceof StartError ? error : new StartError("FailedStartingProcess", reasonOf(error));
    const { code, message: reason } = failure;
    this.#context.logger.warn({ run: this.runId, code, reason }, "run did not start");
    const claim = await this.#files.withdraw().catch(() => undefined);
    if (claim?.kind === "supervised") this.#poll();
    else if (isShortage(failure) && (claim?.kind === "withdrawn" || !mayHaveStarted)) {
      await this.#conclude({ kind: "notStarted", reason });
    } else await this.#conclude({ kind: "failed", ...failure.error });
  }

  async #stop(): Promise<void> {
    // Withdrawn first: then no supervisor can start, and only this code decides how the run ended.
    await this.#files.withdraw().catch(() => undefined);
    await this.#conclude({ kind: "stopped" });
  }

  /** Looks whether the run has ended, and concludes it if so. */
  async #look(): Promise<boolean> {
    if (this.#concluding) return true;
    const claim = await this.#files.readClaim();
    if (claim.kind === "open") return false;
    const state = await this.#read();
    // During a stop, only `#stop` decides how the run ends.
    if (state.kind !== "ended" || this.#stopping) return false;
    await this.#conclude(state.end.kind === "notStarted" ? neverStarted : state.end);
    return true;
  }

  /** Reads the state of a claimed run from its files. */
  async #read(): Promise<RunState> {
    const claim = await this.#files.readClaim();
    // The exit file after the claim: a supervisor that was gone then has written it before.
    const end = await this.#files.readExit();
    if (end) return { kind: "ended", end };
    if (claim.kind === "supervised") return claim.alive ? { kind: "running" } : { kind: "ended", end: lost };
    const isWriting = claim.kind === "unreadable" && hasProcesses(runMarker, this.runId);
    return isWriting ? { kind: "running" } : { kind: "ended", end: { kind: "notStarted" } };
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
    this.#concluding ??= this.#settle(end);
    return this.#concluding;
  }

  /** Records how the run ended, stops what is left of it, and resolves the promises of `wait`. */
  async #settle(end: RunEnd): Promise<RunEnd> {
    // A withdrawn claim without an exit file says that the run never started.
    const settled = end.kind === "notStarted" ? end : await this.#files.recordExit(end).catch(() => end);
    const { launcher, gracePeriodInMs, closing, logger } = this.#context;
    try {
      await launcher.request({ kind: "end", runId: this.runId, gracePeriodInMs });
    } catch (error) {
      if (closing.aborted) throw error;
      logger.error({ run: this.runId, reason: reasonOf(error) }, "failed to stop the rest of a run");
    }
    if (settled.kind === "failed" || settled.kind === "stopped") await this.#note(settled);
    this.#resolveEnd(settled);
    return settled;
  }

  async #note(end: RunEnd): Promise<void> {
    const text = end.kind === "failed" ? `Run failed: ${end.message}` : "The service stopped the run.";
    const line = `${new Date().toISOString().replace(/\.\d+/, "")} ${text.replaceAll("\n", " ")}\n`;
    await Promise.all(this.#details.executionLogs.map((log) => appendTo(log, line).catch(() => undefined)));
  }
}

/** Returns why processes of this machine cannot carry out a plan; undefined if they can. */
export function containerObjection({ container }: RunNeeds): StartError | undefined {
  if (container === undefined) return undefined;
  const reason =
    `The job asks for the container image ${container.image}, and this service has no container engine. ` +
    "To run such jobs directly on its machine, start the service with --ignore-container-settings (ignoreContainerSettings).";
  return new StartError("FailedStartingContainer", reason);
}

/** Fills in what this machine decides: the addresses that the nodes have here, and free ports. */
async function withLocalValues(plan: LaunchPlan): Promise<PlainPlan> {
  const numbers = portNumbersIn(plan);
  const ports = await freePorts(numbers.length);
  return withoutSegments(plan, {
    addresses: plan.nodes.map(({ address }) => address ?? loopbackAddress),
    ports: new Map(numbers.map((number, index) => [number, ports[index] ?? 0])),
  });
}
