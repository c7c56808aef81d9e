import { readFileSync, statSync } from "node:fs";
import { environmentVariableOf, readProcess } from "../../ground/processTable.ts";
import { errorCode } from "../../ground/systemErrors.ts";
import type { GpuProcess } from "./gpus.ts";
import type { GpuUse } from "./gpuTool.ts";

/** How processes of the service are recognized. */
export interface OwnRuns {
  /** Name of the variable by which processes of a run are marked with its ID. */
  readonly runMarker: string;
  /** Whether a run of this ID belongs to the service and has not ended. */
  readonly isOwnRun: (runId: string) => boolean;
}

/** Returns the processes among the uses that do not belong to the service's runs, with the names of their users. */
export function outsideProcessesIn(uses: readonly GpuUse[], runs: OwnRuns): readonly GpuProcess[] {
  return uses
    .filter(({ pid }) => exists(pid) && !belongsToRun(pid, runs))
    .sort((a, b) => a.pid - b.pid)
    .map(({ pid, memoryInBytes }) => {
      const user = userOf(pid);
      return {
        pid,
        ...(user === undefined ? {} : { user }),
        ...(memoryInBytes === undefined ? {} : { memoryInBytes }),
      };
    });
}

/** Whether the process, or one of its ancestors, has the marker of a run. */
function belongsToRun(pid: number, { runMarker, isOwnRun }: OwnRuns): boolean {
  for (let entry = readProcess(pid); entry !== undefined && entry.pid > 1; entry = readProcess(entry.parent)) {
    const runId = environmentVariableOf(entry.pid, runMarker);
    if (runId !== undefined && isOwnRun(runId)) return true;
  }
  return false;
}

/** Whether a process exists. The machine may hide processes of other users in /proc (`hidepid`), but not from signals. */
function exists(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
}

function userOf(pid: number): string | undefined {
  try {
    const { uid } = statSync(`/proc/${pid}`);
    return userNames().get(uid) ?? `uid ${uid}`;
  } catch {
    return undefined;
  }
}

/** Returns the names of the machine's own users by their numbers. */
function userNames(): Map<number, string> {
  const lines = readFileSync("/etc/passwd", "utf8").split("\n").reverse();
  return new Map(
    lines.flatMap((line) => {
      const [name = "", , uid = ""] = line.split(":");
      return name === "" || uid === "" ? [] : [[Number(uid), name]];
    }),
  );
}
