import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "../../logger.ts";
import { attempt, StartError } from "../../startError.ts";
import type { LaunchPlan, LaunchSecrets, RunEnd } from "../engine.ts";
import { isAssignable } from "../supervisor/assignable.ts";
import { createFolders } from "../supervisor/createFolders.ts";
import type { Life, RunBody } from "../supervisor/runBody.ts";
import type { Claim, RunFiles } from "../supervisor/runFiles.ts";
import { runMarker } from "../supervisor/supervisorScript.ts";
import { supervisorPlan, type SupervisorPeriods } from "../supervisor/supervisorSteps.ts";
import { fillingsOf } from "./fillings.ts";
import { endOf, forgotten, neverCame } from "./slurmEnds.ts";
import type { SlurmCommands } from "./slurmCommands.ts";
import { plainVariables, sharedFoldersOf, withOpenVariablesInSteps } from "./slurmPlan.ts";
import type { SlurmJob } from "./slurmJob.ts";
import type { SlurmQueue } from "./slurmQueue.ts";
import { reasonSentence } from "./slurmReasons.ts";
import { slurmScript } from "./slurmScript.ts";
import { fateOf, hasEnded } from "./slurmStates.ts";
import { submitOnce } from "./submitOnce.ts";

/** The part of a handle that belongs to the Slurm engine. */
export type SlurmRunDetails = Pick<LaunchPlan, "runId"> & {
  readonly executionLogs: readonly string[];
  /** Name of the job in Slurm. No other job ever has it. */
  readonly name: string;
};

/** Everything that all runs of the Slurm engine share. */
export interface SlurmRunContext extends SupervisorPeriods {
  readonly commands: SlurmCommands;
  readonly queue: SlurmQueue;
  readonly closing: AbortSignal;
  readonly logger: Logger;
}

/** Time without a sign of life after which a run that Slurm does not know is lost, in milliseconds. */
const silenceLimitInMs = 120_000;
/** Time in which an exit file may still come into view after Slurm has said that the job ended, in milliseconds. */
const exitPeriodInMs = 10_000;
/** Time in which the script of a run ends after the grace period, in milliseconds. */
const scriptPeriodInMs = 15_000;
/** Time in which Slurm says how a job ended that has written an exit file, in milliseconds. */
const wordPeriodInMs = 20_000;
const askIntervalInMs = 500;
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
  /** Last sign of life, and when it was seen first, as of `performance.now()`. */
  #beat: { readonly time: number; readonly seenAt: number } | undefined;

  /** @param folder - Folder that belongs to this run alone; all nodes see it. */
  constructor(details: SlurmRunDetails, folder: string, files: RunFiles, context: SlurmRunContext) {
    this.#details = details;
    this.#folder = folder;
    this.#files = files;
    this.#context = context;
  }

  /** The first node fills in addresses and ports. */
  async fill(plan: LaunchPlan): Promise<LaunchPlan> {
    return withOpenVariablesInSteps(plan);
  }

  async start(plan: LaunchPlan, secrets: LaunchSecrets): Promise<void> {
    checkNames(secrets);
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
        isClaimed: () => this.#files.readClaim().kind === "supervised",
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

  async look(claim: Claim): Promise<Life> {
    await this.#watch();
    const status = this.#context.queue.statusOf(this.#details.name);
    const hasClaim = claim.kind === "supervised" || this.#files.wasClaimed();
    if (hasClaim) this.#claimSeenAt ??= performance.now();
    if (status.kind === "seen") return hasEnded(status.job.state) ? this.#afterEnd(hasClaim) : this.#before(hasClaim);
    if (hasClaim) return this.#unseen(status.kind === "absent");
    return status.kind === "absent" ? { kind: "gone", end: neverCame } : { kind: "unknown" };
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
    const { closing, commands, gracePeriodInMs } = this.#context;
    const { name } = this.#details;
    if (end.kind !== "exited") {
      await commands.cancel(name, "waiting");
      await commands.cancel(name, "script");
    }
    const killAt = performance.now() + gracePeriodInMs + scriptPeriodInMs;
    let isKilled = false;
    while (!(await this.#isOver())) {
      if (!isKilled && performance.now() >= killAt) {
        isKilled = true;
        await commands.cancel(name, "processes");
        await commands.cancel(name);
      }
      await delay(askIntervalInMs, undefined, { signal: closing });
    }
  }

  async cleanUp(): Promise<void> {
    this.#context.queue.forget(this.#details.name);
  }

  /** Looks for a job that an earlier process of the service has submitted. */
  async #watch(): Promise<void> {
    if (this.#isWatched) return;
    this.#isWatched = true;
    this.#context.queue.watch(this.#details.name);
    await this.#context.queue.lookNow();
  }

  /** State of a job that Slurm lists, and that has not ended. */
  #before(hasClaim: boolean): Life {
    const status = this.#context.queue.statusOf(this.#details.name);
    if (status.kind !== "seen") return { kind: "unknown" };
    const { reason, state } = status.job;
    const fate = fateOf(state);
    // What was seen before the claim says nothing: the job may have left the queue since.
    const isOld = this.#claimSeenAt === undefined || status.lookedAt < this.#claimSeenAt;
    if (fate === "requeued" || (state === "PENDING" && hasClaim && !isOld)) {
      return { kind: "gone", end: endOf({ ...status.job, state: "REQUEUED" }, hasClaim, "") };
    }
    if (fate === "waiting" && !hasClaim) return { kind: "waiting", reason: reasonSentence(reason) };
    if (!hasClaim) return { kind: "waiting", reason: "Slurm starts the job." };
    return this.#running();
  }

  /** State of a job that has ended in Slurm, and whose exit file is not in view: a network file system may be late. */
  #afterEnd(hasClaim: boolean): Life {
    this.#endedAt ??= performance.now();
    this.#refresh();
    if (performance.now() - this.#endedAt < exitPeriodInMs) return { kind: "unknown" };
    const status = this.#context.queue.statusOf(this.#details.name);
    if (status.kind !== "seen") return { kind: "unknown" };
    return { kind: "gone", end: endOf(status.job, hasClaim, this.#lastOutput()) };
  }

  /** State of a job that had started, and that Slurm does not list. Not to be listed means nothing; not to live does. */
  #unseen(isAbsent: boolean): Life {
    const silentForInMs = this.#silence();
    if (silentForInMs < silenceLimitInMs) return this.#running();
    this.#refresh();
    return isAbsent ? { kind: "gone", end: forgotten(Math.round(silentForInMs / 1000)) } : { kind: "unknown" };
  }

  /** Returns the job once Slurm says that it has ended; undefined if Slurm does not say it in time. */
  async #endedJob(): Promise<SlurmJob | undefined> {
    await this.#watch();
    const { closing, queue } = this.#context;
    const until = performance.now() + wordPeriodInMs;
    while (performance.now() < until) {
      const status = queue.statusOf(this.#details.name);
      if (status.kind === "seen" && hasEnded(status.job.state)) return status.job;
      if (status.kind === "absent") return undefined;
      await delay(askIntervalInMs, undefined, { signal: closing });
      await queue.lookNow();
    }
    return undefined;
  }

  /** Whether nothing of the job is left, as Slurm says. What Slurm has forgotten may still run, and gives signs of life. */
  async #isOver(): Promise<boolean> {
    await this.#watch();
    if (this.#hasLeft()) return true;
    await this.#context.queue.lookNow();
    return this.#hasLeft();
  }

  #hasLeft(): boolean {
    const status = this.#context.queue.statusOf(this.#details.name);
    if (status.kind !== "absent") return status.kind === "seen" && hasEnded(status.job.state);
    this.#refresh();
    return !existsSync(join(this.#folder, "heartbeat")) || this.#silence() >= silenceLimitInMs;
  }

  #running(): Life {
    const startedOn = this.#files.claimedOn();
    const addresses = (readIfThere(join(this.#folder, "hosts")) ?? "").trim().split("\n");
    return { kind: "running", addresses, ...(startedOn && { startedOn }) };
  }

  /** Returns for how long the run has given no sign of life that was seen here, in milliseconds. */
  #silence(): number {
    const time = statSync(join(this.#folder, "heartbeat"), { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (this.#beat?.time !== time) this.#beat = { time, seenAt: performance.now() };
    return performance.now() - this.#beat.seenAt;
  }

  /** Reads the folder: a network file system then shows files that it did not know before. */
  #refresh(): void {
    try {
      readdirSync(this.#folder);
    } catch {
      // Somebody has removed it.
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

/** @throws StartError if a secret would have to be shown to pass it on. */
function checkNames({ environment }: LaunchSecrets): void {
  const name = Object.keys(environment).find((each) => !isAssignable(each));
  if (name === undefined) return;
  throw new StartError(
    "FailedStartingProcess",
    `A secret variable of a job on Slurm cannot have the name ${JSON.stringify(name)}. ` +
      "Use letters, digits and underscores, and no name that bash protects.",
  );
}
