import { statSync } from "node:fs";
import { environmentVariableOf, readProcess, workingFolderOf } from "../supervisor/processTable.ts";
import { runMarker } from "../supervisor/supervisorScript.ts";

/**
 * Looks for the supervisor that has claimed a run. `elsewhere`: it runs in another folder, from which this one was copied.
 */
export function supervisorState(pid: number, runId: string, folder: string): "running" | "gone" | "elsewhere" {
  // The pid may belong to another process by now, but nobody else has the marker of this run and its pid.
  const isAlive = readProcess(pid) !== undefined && environmentVariableOf(pid, runMarker) === runId;
  if (!isAlive) return "gone";
  return isElsewhere(pid, folder) ? "elsewhere" : "running";
}

/** A supervisor writes its exit file to its working folder, wherever that is moved to. */
function isElsewhere(pid: number, folder: string): boolean {
  const [theirs, ours] = [workingFolderOf(pid), statSync(folder, { bigint: true, throwIfNoEntry: false })];
  if (theirs === undefined || ours === undefined) return false;
  return theirs.dev !== ours.dev || theirs.ino !== ours.ino;
}
