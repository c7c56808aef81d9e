import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errorCode } from "../../../../ground/systemErrors.ts";
import { type ControlGroup, groupName } from "./groupWay.ts";

/** Creates a control group with its limits. Succeeds if it already exists. */
export function createGroup({ folder, settings }: ControlGroup): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error; // A launcher that died has created it.
  }
  for (const { file, value, isOptional } of settings) {
    const path = join(folder, file);
    if (!isOptional || existsSync(path)) writeFileSync(path, value);
  }
}

/**
 * Removes a control group, and first those that its processes have made below it. Returns whether it no longer exists:
 * processes that have not ended yet keep it.
 */
export function removeGroup(folder: string): boolean {
  if (!existsSync(folder)) return true;
  // A group contains folders only for the groups below it. rmdir removes no files and follows no links.
  for (const name of foldersIn(folder)) removeGroup(join(folder, name));
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    return errorCode(error) === "ENOENT";
  }
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? entry.name : []));
  } catch {
    return []; // Its processes may still remove it.
  }
}

/** Age below which a group without processes may be one that is about to get them, in milliseconds. */
const youngInMs = 60_000;

/** Removes the groups of runs in a folder that an earlier service left, and in which nothing runs. */
export function sweepGroups(parent: string, isKnown: (group: string) => boolean): void {
  for (const name of namesIn(parent).filter((entry) => groupName.test(entry) && !isKnown(entry))) {
    const folder = join(parent, name);
    const created = statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
    if (Date.now() - created > youngInMs) removeGroup(folder);
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Returns how many processes the system has killed because a group had reached its memory limit. */
export function countKills(counter: string): number {
  try {
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync(counter, "latin1"))?.[1] ?? 0);
  } catch {
    return 0; // The run has no group.
  }
}

/** Returns the words of a file of a control group; none if the file does not exist. */
export function wordsOf(path: string): string[] {
  try {
    return readFileSync(path, "latin1").split(/\s+/).filter(Boolean);
  } catch {
    return [];
  }
}
