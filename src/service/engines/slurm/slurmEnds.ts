import type { RunEnd } from "../engine.ts";
import type { SlurmJob } from "./slurmJob.ts";
import { fateOf } from "./slurmStates.ts";

/** Advice for jobs that never came to their folder. */
const seeFolder = "Check that the folder of --shared-dir is on a file system that every node has at the same path.";

/**
 * Returns the end of a run whose job in Slurm has ended without an exit file; undefined if its state does not tell it.
 * @param hasStarted - Whether a supervisor had taken the claim.
 * @param output - Last line that the script of the run printed; empty if nothing.
 */
export function endOf({ id, state }: SlurmJob, hasStarted: boolean, output: string): RunEnd | undefined {
  const job = `The job ${id} in Slurm`;
  switch (fateOf(state)) {
    case "waiting":
    case "running":
      return undefined;
    case "requeued":
      return interruptedOr(hasStarted, `${job} was requeued by somebody else.`);
    case "preempted":
      return interruptedOr(hasStarted, `${job} had to make way for another one.`);
    case "nodeFailed":
      return { kind: "interrupted", reason: `${job} lost a node (${state}).`, isFault: true };
    case "cancelled":
      return failed("SlurmJobCancelled", `${job} was cancelled outside of this service.`);
    case "timedOut":
      return failed("JobMaxWallClockTimeExceeded", `${job} ran longer than its limit in Slurm allows.`);
    case "outOfMemory":
      return failed("OutOfMemory", `${job} used more memory than it had asked for.`);
    case "ended":
      return hasStarted ? lostIn(state, job) : failed("FailedStartingProcess", neverBegan(job, state, output));
  }
}

/** Returns the end of a run of which Slurm knows nothing any more, and which gives no sign of life. */
export function forgotten(silentForInMs: number): RunEnd {
  const sign = Number.isFinite(silentForInMs)
    ? `gave no sign of life for ${String(Math.round(silentForInMs / 1000))} seconds`
    : "has ended";
  return failed("RunLost", `The job ${sign}, Slurm does not know it any more, and it left no exit code.`);
}

/** A run that never came to be starts again as another one. */
export const neverCame: RunEnd = { kind: "notStarted", reason: "Slurm does not know the job, and it has not started." };

function interruptedOr(hasStarted: boolean, reason: string): RunEnd {
  return hasStarted ? { kind: "interrupted", reason, isFault: false } : { kind: "notStarted", reason };
}

function lostIn(state: string, job: string): RunEnd {
  return failed("RunLost", `${job} ended (${state}), and left no exit code: its processes were killed.`);
}

function neverBegan(job: string, state: string, output: string): string {
  const words = output === "" ? "" : ` It printed: ${output}.`;
  return `${job} ended (${state}) before it began.${words} ${seeFolder}`;
}

function failed(code: string, message: string): RunEnd {
  return { kind: "failed", code, message };
}
