import { setTimeout as delay } from "node:timers/promises";
import { abortable } from "../../abortable.ts";
import { StartError } from "../../startError.ts";
import type { SlurmSubmission } from "./sbatchOptions.ts";
import type { SlurmCommands } from "./slurmCommands.ts";
import { SlurmError, SlurmRefusal } from "./slurmErrors.ts";
import type { SlurmJob } from "./slurmJob.ts";
import type { SlurmQueue } from "./slurmQueue.ts";

/** What {@link findSubmitted} needs. */
export interface Search {
  readonly queue: Pick<SlurmQueue, "watch" | "lookNow" | "statusOf">;
  /** Whether a supervisor has taken the claim of the run. */
  readonly isClaimed: () => boolean | Promise<boolean>;
  /** Ends the search: with a stop of the run, or when the engine is closed. */
  readonly abortSignal: AbortSignal;
  /** Number of looks that list all jobs and must not find it, before it counts as not submitted. Default: 3. */
  readonly looks?: number;
  /** Time over which these looks are spread, in milliseconds. Default: 30,000. */
  readonly periodInMs?: number;
}

/** Trace of a job that was submitted. */
export type Trace =
  /** Slurm lists it, in whatever state. */
  | { readonly kind: "listed"; readonly job: SlurmJob }
  /** Its script has begun, although Slurm may not list it. */
  | { readonly kind: "claimed" };

/** What {@link submitOnce} needs. */
export interface OnceParts extends Search {
  readonly commands: Pick<SlurmCommands, "submit">;
}

/**
 * Submits a job, and never a second one: after an error of `sbatch`, which Slurm may have accepted all the same, it looks
 * for the job instead. The name must be that of no other job, and the handle of the run must have been stored. Afterwards
 * the queue watches the name. Returns the ID of the job; undefined if only its claim is known. Rejects with a `StartError`
 * if Slurm has not accepted it: `Shortage` if a later try under another name may succeed.
 */
export async function submitOnce(parts: OnceParts, submission: SlurmSubmission): Promise<string | undefined> {
  const { commands, queue } = parts;
  try {
    const id = await commands.submit(submission);
    queue.watch(submission.name);
    return id;
  } catch (error) {
    if (!(error instanceof SlurmError)) throw error;
    const trace = await findSubmitted(submission.name, searchAfter(error, parts));
    if (trace === undefined) throw startErrorOf(error);
    return trace.kind === "listed" ? trace.job.id : undefined;
  }
}

/**
 * Looks for a job that may have been submitted. Returns undefined only after several looks, spread over a time, have listed
 * all jobs without it and its claim is still open. Looks that fail do not count, so this lasts as long as Slurm does not
 * respond. Rejects only with an `AbortError`.
 */
export async function findSubmitted(name: string, search: Search): Promise<Trace | undefined> {
  const { queue, isClaimed, abortSignal, looks = 3, periodInMs = 30_000 } = search;
  const pauseInMs = periodInMs / Math.max(1, looks - 1);
  queue.watch(name);
  for (;;) {
    await abortable(queue.lookNow(), abortSignal);
    const status = queue.statusOf(name);
    if (status.kind === "seen") return { kind: "listed", job: status.job };
    // After the look: a script that began before it has left the list, if at all, with its claim taken.
    if (await isClaimed()) return { kind: "claimed" };
    if (status.kind === "absent" && status.looks >= looks && status.sinceInMs >= periodInMs) return undefined;
    await delay(pauseInMs, undefined, { signal: abortSignal });
  }
}

/** Slurm itself has said that it refuses the job, so one look is enough. */
function searchAfter(error: SlurmError, parts: OnceParts): Search {
  return error instanceof SlurmRefusal ? { ...parts, looks: 1, periodInMs: 0 } : parts;
}

function startErrorOf(error: SlurmError): StartError {
  if (!(error instanceof SlurmRefusal)) return new StartError("Shortage", error.message, { cause: error });
  const advice = "Correct what the node type of the cluster asks for, or ask the administrator of Slurm.";
  return new StartError("FailedStartingProcess", `Slurm refuses the job: ${error.message}. ${advice}`, {
    cause: error,
  });
}
