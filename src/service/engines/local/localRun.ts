import { attempt, StartError } from "../../startError.ts";
import type { LaunchPlan, LaunchMount, LaunchSecrets } from "../engine.ts";
import type { PlainPlan } from "../launchText.ts";
import { findBash } from "./bash.ts";
import { supervisorState } from "./claimOwner.ts";
import type { LauncherClient } from "./launcherClient.ts";
import { nodeEnvironment } from "./nodeEnvironment.ts";
import type { SupervisorExit } from "./launcherMessages.ts";
import { hasProcesses } from "../supervisor/processTable.ts";
import type { Life, RunBody } from "../supervisor/runBody.ts";
import type { Claim } from "../supervisor/runFiles.ts";
import { foldersOf, removeMounts } from "../supervisor/runFolders.ts";
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
  readonly gracePeriodInMs: number;
}

/** The body of a run that consists of processes of this machine, which the launcher starts and ends. */
export class LocalRun implements RunBody {
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

  look(claim: Claim): Life {
    if (claim.kind === "supervised") {
      const kind = supervisorState(claim.pid, this.runId, this.#folder);
      return kind === "gone" ? { kind, exitCode: this.#exitCode } : { kind };
    }
    // The supervisor still writes its claim, or somebody has damaged it: then the processes know more than the files.
    const isRunning = !this.#isOver && hasProcesses(runMarker, this.runId);
    return isRunning ? { kind: "running" } : { kind: "gone", exitCode: this.#exitCode };
  }

  async end(claim: Claim | undefined): Promise<void> {
    if (this.#isOver || this.#isElsewhere(claim)) return;
    const { launcher, gracePeriodInMs } = this.#context;
    await launcher.request({ kind: "end", runId: this.runId, gracePeriodInMs });
  }

  async cleanUp(): Promise<void> {
    removeMounts(this.#details.mounts ?? []);
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
