/** Meaning of a state of Slurm for a run. */
export type SlurmFate =
  /** It has not started: it waits for its nodes, or they are being prepared. */
  | "waiting"
  /** It has started and has not ended, or nothing says that it has. */
  | "running"
  /** Somebody asked Slurm to start it again. Its script finds its claim and ends; the service starts a new run. */
  | "requeued"
  /** It has ended. Its exit file says how; this state does not. */
  | "ended"
  | "cancelled"
  | "outOfMemory"
  /** It reached the limit that it was submitted with, or that of its partition. */
  | "timedOut"
  /** Slurm ended it in favor of another job. */
  | "preempted"
  /** A node failed or could not start it. */
  | "nodeFailed";

const fates: Readonly<Record<string, SlurmFate>> = {
  PENDING: "waiting",
  CONFIGURING: "waiting",
  RESV_DEL_HOLD: "waiting",
  RUNNING: "running",
  COMPLETING: "running",
  SUSPENDED: "running",
  STOPPED: "running",
  SIGNALING: "running",
  STAGE_OUT: "running",
  RESIZING: "running",
  REQUEUED: "requeued",
  REQUEUE_HOLD: "requeued",
  REQUEUE_FED: "requeued",
  SPECIAL_EXIT: "requeued",
  COMPLETED: "ended",
  FAILED: "ended",
  DEADLINE: "ended",
  CANCELLED: "cancelled",
  OUT_OF_MEMORY: "outOfMemory",
  TIMEOUT: "timedOut",
  PREEMPTED: "preempted",
  NODE_FAIL: "nodeFailed",
  BOOT_FAIL: "nodeFailed",
};

const unended: ReadonlySet<SlurmFate> = new Set<SlurmFate>(["waiting", "running", "requeued"]);

/** Returns the meaning of a state in the words of `squeue`, for example `PENDING`. An unknown word never means "ended". */
export function fateOf(state: string): SlurmFate {
  return Object.hasOwn(fates, state) ? (fates[state] ?? "running") : "running";
}

/** Whether nothing of a job in this state runs or will run. */
export function hasEnded(state: string): boolean {
  return !unended.has(fateOf(state));
}

/**
 * States that Slurm also gives a job whose processes it does not see: a node that it cannot reach may go on, and a script
 * that has found its claim completes beside the one that took it.
 */
const unsure: ReadonlySet<string> = new Set(["COMPLETED", "NODE_FAIL", "BOOT_FAIL"]);

/** Whether Slurm has seen to it that no process of a job in this state is left. */
export function meansNothingLives(state: string): boolean {
  return !unsure.has(state);
}
