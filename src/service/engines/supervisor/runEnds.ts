import type { RunEnd } from "../engine.ts";

const lost = (reason: string): RunEnd => ({ kind: "failed", code: "RunLost", message: reason });

/** Its processes are gone, and nothing says how it ended. */
export const vanished = lost(
  "The processes of the job vanished without an exit code: the machine was restarted, or the processes were killed.",
);
/** Its folder or files are gone. */
export const removed = lost("The files of the run were removed, and its exit code with them.");
/** Its processes belong to the service that uses the original of the data folder, so they are left alone. */
export const copied = lost(
  "The data folder was copied while the job ran. The job belongs to the folder from which it was copied.",
);

/** End of a run that will never start although its start was tried. A failure: the scheduler must not try it forever. */
export const neverStarted: RunEnd = { kind: "failed", code: "RunNotStarted", message: "The run was never started." };

/** Reason of a supervisor that has run nothing. */
export const noRoom = "The machine lacks processes, or room on the disk, for the supervisor of the run.";
