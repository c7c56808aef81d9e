import { readFileSync } from "node:fs";
import { setImmediate as immediate } from "node:timers/promises";
import { environmentVariableOf, pidsOfAllProcesses } from "../../../ground/processTable.ts";
import { runMarker } from "../supervisor/supervisorScript.ts";

/** Age at which everything that is known of processes is forgotten, in milliseconds. No counter of pids wraps sooner. */
const staleAfterInMs = 1000;

/**
 * The processes that have the marker of a run in their environment. To look at every process of the machine costs more
 * than a short run does. So within a second it looks only at the processes that are new since the last look:
 * processes inherit the marker.
 */
export class MarkedProcesses {
  /** Run IDs by pid. */
  readonly #runs = new Map<number, string>();
  #newestPid = 0;
  #lookedAt = -Infinity;
  #upcoming: Promise<void> | undefined;

  /** Returns the pids of the processes with the marker of a run. Callers in the same turn share one look. */
  async ofRun(runId: string): Promise<number[]> {
    this.#upcoming ??= immediate().then(() => {
      this.#upcoming = undefined;
      this.#look();
    });
    await this.#upcoming;
    return [...this.#runs].filter(([, run]) => run === runId).map(([pid]) => pid);
  }

  #look(): void {
    const now = performance.now();
    const newest = newestPid();
    const isStale = now - this.#lookedAt > staleAfterInMs;
    const pids = pidsOfAllProcesses();
    const alive = new Set(pids);
    for (const pid of this.#runs.keys()) if (isStale || !alive.has(pid)) this.#runs.delete(pid);
    for (const pid of pids) {
      if (!isStale && !isNewer(pid, this.#newestPid, newest)) continue;
      const runId = environmentVariableOf(pid, runMarker);
      if (runId === undefined) this.#runs.delete(pid);
      else this.#runs.set(pid, runId);
    }
    this.#newestPid = newest;
    this.#lookedAt = now;
  }
}

/** Whether a pid was given out after `earlier`, by a counter that is at `newest` now and starts again at its end. */
function isNewer(pid: number, earlier: number, newest: number): boolean {
  return pid > earlier || (newest < earlier && pid <= newest);
}

/** Returns the pid that the system gave out last. */
function newestPid(): number {
  return Number(readFileSync("/proc/loadavg", "latin1").trim().split(" ").at(-1));
}
