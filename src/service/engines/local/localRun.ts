import { attempt, StartError } from "../../startError.ts";
import type { LaunchPlan, LaunchMount, LaunchSecrets } from "../engine.ts";
import type { PlainPlan } from "../launchText.ts";
import { findBash } from "./bash.ts";
import { supervisorState } from "./claimOwner.ts";
import type { LauncherClient } from "./launcherClient.ts";
import type { RunLimits } from "./limits/runLimits.ts";
import { nodeEnvironment } from "./nodeEnvironment.ts";
import type { SupervisorExit } from "./launcherMessages.ts";
import { hasProcesses } from "../../../ground/processTable.ts";
import type { Life, RunBody } from "../supervisor/runBody.ts";
import type { Claim } from "../supervisor/runFiles.ts";
import { foldersOf, removeMounts } from "../supervisor/runFolders.ts";
import { withLocalValues } from "../supervisor/localValues.ts";
import { runMarker } from "../supervisor/supervisorScript.ts";

/** The part of a handle that belongs to the process engine. The folder of the run is where the service says. */
export type LocalRunDetails = Pick<LaunchPlan, "runId"> & {
  readonly executionLogs: readonly string[];
  /** Links that the engine itself created; only in handles of version 1. */
  readonly mounts?: readonly LaunchMount[];
};

/** Everything that all runs of the process engine share. */
export interface LocalRunContext {
  readonly launcher: LauncherClient;
  readonly limits: RunLimits;
  readonly gracePeriodInMs: number;
}

/** The body of a run that consists of processes of this machine, which the launcher starts and ends. */
export class LocalRun implements RunBody<PlainPlan> {
  readonly fill = withLocalValues;
  readonly runId: string;
  readonly #folder: string;
  readonly #details: LocalRunDetails;
  readonly #context: LocalRunContext;
  /** Whether the launcher has seen that no process of the run is left. */
  #isOver = false;
  /** Exit code of its supervisor, as far as the launcher has reported it. */
  #exitCode: number | null | undefined;

  /** @param folder - Folder that belongs to this run alone; it contains the engine's own files. */
  constructor(details: LocalRunDetails, folder: string, context: LocalRunContext) {
    this.runId = details.runId;
    this.#folder = folder;
    this.#details = details;
    this.#context = context;
  }

  start(plan: PlainPlan, secrets: LaunchSecrets): Promise<void> {
    return this.#spawn(plan, secrets);
  }

  async look(claim: Claim): Promise<Life> {
    const kind = this.#kindOfLife(claim);
    if (kind !== "gone") return { kind };
    return { kind, exitCode: this.#exitCode, end: await this.#context.limits.endOfVanished(this.runId) };
  }

  async end(claim: Claim | undefined): Promise<void> {
    if (this.#isElsewhere(claim)) return;
    const { launcher, limits, gracePeriodInMs } = this.#context;
    if (!this.#isOver) await launcher.request({ kind: "end", runId: this.runId, gracePeriodInMs });
    void limits.release(this.runId);
  }

  async cleanUp(): Promise<void> {
    removeMounts(this.#details.mounts ?? []);
    await this.#context.limits.release(this.runId);
  }

  /** Called when the launcher sees the supervisor of this run end. */
  supervisorEnded({ exitCode, isOver }: SupervisorExit): void {
    this.#isOver = isOver;
    this.#exitCode = exitCode;
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
  }

  #kindOfLife(claim: Claim): Life["kind"] {
    if (claim.kind === "supervised") return supervisorState(claim.pid, this.runId, this.#folder);
    // The supervisor still writes its claim, or somebody has damaged it: then the processes know more than the files.
    return !this.#isOver && hasProcesses(runMarker, this.runId) ? "running" : "gone";
  }

  /** Whether the processes of the run belong to another folder. Unknown counts as no. */
  #isElsewhere(claim: Claim | undefined): boolean {
    if (claim?.kind !== "supervised") return false;
    try {
      return supervisorState(claim.pid, this.runId, this.#folder) === "elsewhere";
    } catch {
      return false;
    }
  }
}
