import type { Job } from "../../models/job.ts";
import { durationInMs } from "../duration.ts";
import type { SteadyClock } from "../state/clock.ts";

/** Returns when the time of a job is up, on the steady clock; undefined if it has no limit. */
export function deadlineOf({ constraints }: Job, clock: SteadyClock, elapsedInMs = 0): number | undefined {
  const limit = constraints?.maxWallClockTime;
  if (limit === undefined) return undefined;
  return Math.min(Math.round(clock.now() - elapsedInMs + durationInMs(limit)), Number.MAX_SAFE_INTEGER);
}

/**
 * Returns how long a run has been running, in milliseconds, by the wall time at which its engine started it. The wall clock
 * may have jumped since; but no run has been running for longer than it has been stored.
 */
export function runningTimeOf(startedOn: Date | undefined, ageInMs: number): number {
  if (startedOn === undefined) return 0;
  return Math.min(Math.max(Date.now() - startedOn.getTime(), 0), ageInMs);
}
