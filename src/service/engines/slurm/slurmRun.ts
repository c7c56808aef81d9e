import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { attempt, StartError } from "../../startError.ts";
import type { LaunchPlan, LaunchSecrets, RunEnd } from "../engine.ts";
import { checkSecretNames } from "../supervisor/secretNames.ts";
import { createFolders } from "../supervisor/createFolders.ts";
import type { Life, RunBody } from "../supervisor/runBody.ts";
import type { Claim, RunFiles } from "../supervisor/runFiles.ts";
import { runMarker } from "../supervisor/supervisorScript.ts";
import { supervisorPlan, type SupervisorPeriods } from "../supervisor/supervisorSteps.ts";
import { fillingsOf } from "./fillings.ts";
import { Heartbeat } from "./heartbeat.ts";
import { endOf, forgotten, neverCame } from "./slurmEnds.ts";
import type { SlurmCommands } from "./slurmCommands.ts";
import { plainVariables, sharedFoldersOf, withOpenVariablesInSteps } from "./slurmPlan.ts";
import type { SlurmJob } from "./slurmJob.ts";
import type { SlurmQueue } from "./slurmQueue.ts";
import { reasonSentence } from "./slurmReasons.ts";
import { slurmScript } from "./slurmScript.ts";
import { fateOf, hasEnded, meansNothingLives } from "./slurmStates.ts";
import { submitOnce } from "./submitOnce.ts";

/** The part of a handle that belongs to the Slurm engine. */
export type SlurmRunDetails = Pick<LaunchPlan, "runId"> & {
  readonly executionLogs: readonly string[];
  /** Name of the job in Slurm. No other job ever has it. */
  readonly name: string;
};

/** Times that decide about runs. All are in milliseconds. */
export interface SlurmPeriods {
  /** Without a sign of life for so long, a run is lost that Slurm does not know, and has ended if Slurm does not rule it out. */
  readonly silenceLimitInMs: number;
  /** Time in which an exit file may still come into view after Slurm has said that the job ended. */
  readonly exitPeriodInMs: number;
  /** Time in which the script of a run ends after the grace period. */
  readonly scriptPeriodInMs: number;
  /** Time in which Slurm says how a job ended that has written an exit file. */
  readonly wordPeriodInMs: number;
  /** Time over which a job is looked for after an error of `sbatch`. */
  readonly searchPeriodInMs: number;
}

export const usualPeriods: SlurmPeriods = {
  silenceLimitInMs: 120_000,
  exitPeriodInMs: 10_000,
  scriptPeriodInMs: 15_000,
  wordPeriodInMs: 20_000,
  searchPeriodInMs: 30_000,
};

/** Everything that all runs of the Slurm engine share. */
export interface SlurmRunContext extends SupervisorPeriods {
  readonly commands: SlurmCommands;
  readonly queue: SlurmQueue;
  readonly periods: SlurmPeriods;
  readonly closing: AbortSignal;
}

/** File with the secret variables of the set-up task. */
const onceFile = "once";

/** The body of a run that is a job of Slurm. Its supervisor is on the first node, in a folder that all nodes share. */
export class SlurmRun implements RunBody {
  readonly queues = true;
  readonly #details: SlurmRunDetails;
  readonly #folder: string;
  readonly #files: RunFiles;
  readonly #context: SlurmRunContext;
  readonly #ending = new AbortController();
  #isWatched = false;
  #endedAt: number | undefined;
  /** When this process first saw that the run was claimed, as of `performance.now()`. */
  #claimSeenAt: number | undefined;
  /** Whether Slurm has lost what it knew of the run after it had started: then no state of Slurm says that it has ended. */
  #isForgotten = false;
  readonly #heartbeat: Heartbeat;

  /** @param folder - Folder that belongs to this run alone; all nodes see it. */
  constructor(details: SlurmRunDetails, folder: string, files: RunFiles, context: SlurmRunContext) {
    this.#details = details;
    this.#folder = folder;
    this.#files = files;
    this.#context = context;
    this.#heartbeat = new Heartbeat(join(folder, "heartbeat"));
  }

  /** The first node fills in addresses and ports. */
  async fill(plan: LaunchPlan): Promise<LaunchPlan> {
    return withOpenVariablesInSteps(plan);
  }

  async start(plan: LaunchPlan, secrets: LaunchSecrets): Promise<void> {
    checkSecretNames(secrets, "FailedStartingProcess", "a job on Slurm");
    const { allocation, nodes, runId } = plan;
    if (allocation === undefined) throw new StartError("FailedStartingProcess", "The run asks for no nodes of Slurm.");
    await createFolders(sharedFoldersOf(plan));
    const script = join(this.#folder, "slurm.sh");
    await attempt("The files of the run cannot be written", () => {
      const own = { encoding: "utf8", mode: 0o600 } as const;
      writeFileSync(script, slurmScript, own);
      writeFileSync(join(this.#folder, "fillings"), fillingsOf(supervisorPlan(plan, this.#context), plan.files), own);
      this.#files.writeEnvironment({ ...plainVariables(plan), ...secrets.environment, ...ofSlurm(plan) });
      if (secrets.oncePerHost) writeFileSync(join(this.#folder, onceFile), nulEnded(secrets.oncePerHost), own);
      return Promise.resolve();
    });
    this.#isWatched = true;
    await submitOnce(
      {
        ...this.#context,
        isClaimed: () => this.#isClaimed(),
        periodInMs: this.#context.periods.searchPeriodInMs,
        abortSignal: AbortSignal.any([this.#ending.signal, this.#context.closing]),
      },
      {
        name: this.#details.name,
        allocation,
        nodeCount: nodes.length,
        script,
        args: [this.#folder, runId, allocation.scratchDirectory ?? "", ...nodes.map(({ nodeId }) => nodeId)],
        output: join(this.#folder, "slurm.log"),
      },
    );
  }

  async look(): Promise<Life> {
    await this.#watch();
    const status = this.#context.queue.statusOf(this.#details.name);
    const hasClaim = this.#isClaimed();
    if (hasClaim) this.#claimSeenAt ??= performance.now();
    if (status.kind !== "seen") {
      if (hasClaim) return this.#unseen(status.kind === "absent");
      return status.kind === "absent" ? { kind: "gone", end: neverCame } : { kind: "unknown" };
    }
    const { job } = status;
    // What was seen before the claim says nothing: the job may have left the queue since.
    const isOld = this.#claimSeenAt === undefined || status.lookedAt < this.#claimSeenAt;
    const isBack = job.state === "PENDING" && hasClaim && !isOld;
    if (isBack) this.#isForgotten = true;
    if (isBack || fateOf(job.state) === "requeued" || hasEnded(job.state)) {
      return this.#afterEnd(isBack ? { ...job, state: "REQUEUED" } : job, hasClaim);
    }
    this.#endedAt = undefined;
    if (hasClaim) return this.#running();
    const reason = fateOf(job.state) === "waiting" ? reasonSentence(job.reason) : "Slurm starts the job.";
    return { kind: "waiting", reason };
  }

  async explain(end: RunEnd): Promise<RunEnd> {
    if (end.kind !== "exited" || end.exitCode === 0) return end;
    // What ended the job from outside may have let it end by itself.
    const job = await this.#endedJob();
    if (job === undefined) return end;
    const fate = fateOf(job.state);
    if (fate === "outOfMemory") return { ...end, outOfMemory: {} };
    return fate === "ended" ? end : (endOf(job, true, "") ?? end);
  }

  async end(_claim: Claim | undefined, end: RunEnd): Promise<void> {
    this.#ending.abort();
    this.#files.removeEnvironment();
    rmSync(join(this.#folder, onceFile), { force: true });
    const { commands, gracePeriodInMs, periods, queue } = this.#context;
    const { name } = this.#details;
    if (end.kind !== "exited") {
      await commands.cancel(name, "waiting");
      await commands.cancel(name, "script");
    }
    const killAt = performance.now() + gracePeriodInMs + periods.scriptPeriodInMs;
    let isKilled = false;
    await this.#watch();
    if (!this.#isOver(end)) await queue.lookNow();
    while (!this.#isOver(end)) {
      if (!isKilled && performance.now() >= killAt) {
        isKilled = true;
        await commands.cancel(name, "processes");
        await commands.cancel(name);
      }
      await queue.nextLook();
    }
  }

  /** A job that was never started here may still be in Slurm, for example held by somebody. */
  async cleanUp(): Promise<void> {
    const { commands, queue } = this.#context;
    const { name } = this.#details;
    const status = queue.statusOf(name);
    queue.forget(name);
    if (status.kind === "seen" && !hasEnded(status.job.state)) await commands.cancel(name).catch(() => undefined);
  }

  /** Looks for a job that an earlier process of the service has submitted. */
  async #watch(): Promise<void> {
    if (this.#isWatched) return;
    this.#isWatched = true;
    this.#context.queue.watch(this.#details.name);
    await this.#context.queue.lookNow();
  }

  /** State of a job that has ended in Slurm, and whose exit file is not in view: a network file system may be late. */
  #afterEnd(job: SlurmJob, hasClaim: boolean): Life {
    this.#endedAt ??= performance.now();
    this.#refresh();
    const mayLive = hasClaim && this.#mayLive(job.state);
    if (performance.now() - this.#endedAt < this.#context.periods.exitPeriodInMs) return { kind: "unknown" };
    return mayLive ? this.#running() : { kind: "gone", end: endOf(job, hasClaim, this.#lastOutput()) };
  }

  /** State of a job that had started, and that Slurm does not list. Not to be listed means nothing; not to live does. */
  #unseen(isAbsent: boolean): Life {
    this.#refresh();
    const silentForInMs = this.#heartbeat.silenceInMs();
    if (isAbsent) this.#isForgotten = true;
    this.#endedAt ??= performance.now();
    const mayComeYet = performance.now() - this.#endedAt < this.#context.periods.exitPeriodInMs;
    if (mayComeYet || silentForInMs < this.#context.periods.silenceLimitInMs) return this.#running();
    return isAbsent ? { kind: "gone", end: forgotten(silentForInMs) } : { kind: "unknown" };
  }

  /** Whether processes of the run may be left although Slurm has a job in this state, or none. */
  #mayLive(state: string | undefined): boolean {
    const silentForInMs = this.#heartbeat.silenceInMs();
    if (state !== undefined && meansNothingLives(state) && !this.#isForgotten) return false;
    return silentForInMs < this.#context.periods.silenceLimitInMs;
  }

  /** Returns the job once Slurm says that it has ended; undefined if Slurm does not say it in time. */
  async #endedJob(): Promise<SlurmJob | undefined> {
    await this.#watch();
    const { periods, queue } = this.#context;
    const until = performance.now() + periods.wordPeriodInMs;
    for (let look = 0; look === 0 || performance.now() < until; look++) {
      const status = queue.statusOf(this.#details.name);
      if (status.kind === "seen" && hasEnded(status.job.state)) return status.job;
      if (status.kind === "absent") return undefined;
      await (look === 0 ? queue.lookNow() : queue.nextLook());
    }
    return undefined;
  }

  /** Whether nothing of the run is left. */
  #isOver({ kind }: RunEnd): boolean {
    const status = this.#context.queue.statusOf(this.#details.name);
    if (status.kind === "unknown") return false;
    if (status.kind === "absent") return !this.#isClaimed() || !this.#mayLive(undefined);
    const { state } = status.job;
    // The supervisor writes an exit code when its processes have ended.
    return hasEnded(state) && (kind === "exited" || !this.#isClaimed() || !this.#mayLive(state));
  }

  /** Whether a supervisor has taken the claim, whatever the job has made of it since. */
  #isClaimed(): boolean {
    return this.#claimSeenAt !== undefined || this.#files.readClaim().kind === "supervised" || this.#files.wasClaimed();
  }

  #running(): Life {
    const startedOn = this.#files.claimedOn();
    const addresses = (readIfThere(join(this.#folder, "hosts")) ?? "").trim().split("\n");
    return { kind: "running", addresses, ...(startedOn && { startedOn }) };
  }

  /** Reads the folder: a network file system then shows files that it did not know before. */
  #refresh(): void {
    try {
      readdirSync(this.#folder);
    } catch {
      // Somebody has removed it, which its files tell, too.
    }
  }

  #lastOutput(): string {
    return (readIfThere(join(this.#folder, "slurm.log")) ?? "").trim().split("\n").at(-1)?.slice(0, 500) ?? "";
  }
}

/** Variables that every job in Slurm has. Open MPI starts as many processes on a node as Slurm says. */
function ofSlurm({ allocation, nodes, runId }: LaunchPlan): Record<string, string> {
  const slots = String(allocation?.slotsPerNode ?? 1);
  return { SLURM_TASKS_PER_NODE: `${slots}(x${String(nodes.length)})`, [runMarker]: runId };
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function nulEnded(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .map(([name, value]) => `${name}=${value}\0`)
    .join("");
}
