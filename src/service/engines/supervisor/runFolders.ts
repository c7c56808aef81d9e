import {
  closeSync,
  constants,
  lstatSync,
  openSync,
  readlinkSync,
  realpathSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, relative } from "node:path";
import { createContainedFolder } from "../../../ground/containedFolder.ts";
import { isWithin } from "../../../ground/containment.ts";
import { errorCode } from "../../../ground/systemErrors.ts";
import { logLine, ownFileOnly } from "../../executionLog.ts";
import { attemptNow, StartError } from "../../startError.ts";
import type { LaunchMount, LaunchPlan } from "../engine.ts";
import type { PlainPlan } from "../launchText.ts";
import { createFolder } from "../../../ground/createFolder.ts";

/** Everything on disk that a run needs before it starts. Plain JSON. */
export interface RunFolders {
  readonly mounts: readonly LaunchMount[];
  /** Folders outside of volumes in which directories may be created. */
  readonly scratchRoots: readonly string[];
  readonly directories: readonly string[];
  readonly files: PlainPlan["files"];
  /** Files for standard output and standard error. */
  readonly outputs: readonly string[];
  readonly logs: readonly string[];
}

/** A folder in which a run may write, and its real path. */
interface Territory {
  readonly path: string;
  readonly real: string;
}

/** Returns what a run needs on disk. */
export function foldersOf(plan: PlainPlan): RunFolders {
  const { mounts, nodes, directories, files, preparation, processes } = plan;
  const outputs = [...preparation, ...processes].flatMap(({ stdout, stderr }) => [stdout, stderr]);
  return {
    mounts,
    scratchRoots: [...new Set([...plan.scratchRoots, ...nodes.map(({ tempDirectory }) => dirname(tempDirectory))])],
    directories,
    files,
    outputs: [...new Set(outputs)],
    logs: [...new Set(nodes.map(({ executionLog }) => executionLog))],
  };
}

/**
 * Creates what a run needs before it starts. Folders in a mount or a scratch root are created step by step, and no step
 * may leave it: an earlier job could have left a symbolic link there that leads elsewhere.
 * @throws StartError that says what cannot be created, and why.
 */
export function makeFolders({ mounts, scratchRoots, directories, files, outputs, logs }: RunFolders): void {
  mounts.forEach(checkMount);
  const territories = [...mounts.map(mountTerritory), ...scratchRoots.map(scratchTerritory)];
  territories.sort((a, b) => b.path.length - a.path.length);
  const places = [...files.map(({ path }) => path), ...outputs, ...logs].map(dirname);
  for (const path of new Set([...directories, ...places])) {
    attemptNow(`The folder ${path} cannot be created`, () => makeDirectory(path, territories));
  }
  for (const { path, content } of files) {
    attemptNow(`The file ${path} cannot be written`, () => writeWith(path, constants.O_TRUNC, content));
  }
  // Existing files are not emptied: a job that runs again appends to the files of its earlier attempt.
  for (const path of outputs) {
    attemptNow(`The file ${path} cannot be written`, () => writeWith(path, constants.O_APPEND, ""));
  }
  for (const log of logs)
    attemptNow(`The file ${log} cannot be written`, () => writeWith(log, constants.O_APPEND, logLine("Run started.")));
}

/**
 * Creates the folders of the execution logs of a run ahead of its start. Returns the paths of the logs: those on a volume
 * that may stop responding are left out.
 * @throws StartError
 */
export function createLogFolders({ mounts, scratchRoots, nodes }: LaunchPlan): string[] {
  const slow = mounts.filter(({ isMount }) => isMount).map(({ target }) => target);
  const logs = nodes.map(({ executionLog }) => executionLog);
  const reachable = logs.filter((log) => !slow.some((target) => isWithin(target, log)));
  const hosted = mounts.filter(({ isMount }) => !isMount);
  hosted.forEach(checkMount);
  const territories = [...hosted.map(mountTerritory), ...scratchRoots.map(scratchTerritory)];
  territories.sort((a, b) => b.path.length - a.path.length);
  for (const path of new Set(reachable.map(dirname))) makeDirectory(path, territories);
  return [...new Set(reachable)];
}

/** Removes the links that an older version created for a run, and nothing that replaced them. */
export function removeMounts(mounts: readonly LaunchMount[]): void {
  for (const { source, target } of mounts) {
    if (linkTarget(target) === source) unlinkSync(target);
  }
}

/** An earlier job could have put something else in the place of a link. */
function checkMount({ source, target }: LaunchMount): void {
  const leadsThere = attemptNow(
    `The volume ${source} is not mounted at ${target}`,
    () => realpathSync.native(target) === realpathSync.native(source),
    "MountFailed",
  );
  if (!leadsThere) throw new StartError("MountFailed", `${target} does not lead to the volume ${source}.`);
}

function linkTarget(path: string): string | undefined {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : undefined;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

function mountTerritory({ source, target }: LaunchMount): Territory {
  return { path: target, real: realpathSync.native(source) };
}

function scratchTerritory(path: string): Territory {
  return attemptNow(`The folder ${path} cannot be created`, () => {
    createFolder(path);
    return { path, real: realpathSync.native(path) };
  });
}

function makeDirectory(path: string, territories: readonly Territory[]): void {
  const territory = territories.find((candidate) => isWithin(candidate.path, path));
  if (territory === undefined) createFolder(path);
  else if (path !== territory.path) {
    createContainedFolder(territory.real, relative(territory.path, path), territory.path);
  }
}

/** Writes to a file of the job. */
function writeWith(path: string, flag: number, text: string): void {
  const descriptor = openSync(path, ownFileOnly | flag, 0o666);
  try {
    if (text !== "") writeFileSync(descriptor, text);
  } finally {
    closeSync(descriptor);
  }
}
