import { close, constants, mkdirSync, open, realpathSync, writeFile } from "node:fs";
import { lstat, mkdir, readlink, realpath, unlink } from "node:fs/promises";
import { dirname, relative } from "node:path";
import { promisify } from "node:util";
import type { LaunchMount } from "../engine.ts";
import type { PlainPlan } from "../launchText.ts";
import { createContainedFolder } from "../../../ground/containedFolder.ts";
import { isWithin } from "../../../ground/containment.ts";
import { attempt, StartError } from "../../startError.ts";
import { errorCode } from "../../../ground/systemErrors.ts";

/** A folder in which a run may write, and its real path. */
interface Territory {
  readonly path: string;
  readonly real: string;
}

/**
 * Creates everything that must exist before a run starts. Folders in a mount or a scratch root are created step by step,
 * and no step may leave it: an earlier job could have left a symbolic link there that leads elsewhere.
 */
export async function makeFolders(plan: PlainPlan): Promise<void> {
  await Promise.all(plan.mounts.map(checkMount));
  const territories = await territoriesOf(plan);
  const make = (path: string): Promise<void> => {
    return attempt(`The folder ${path} cannot be created`, () => makeDirectory(path, territories));
  };
  const places = [...plan.files.map(({ path }) => path), ...stdFilesOf(plan), ...logsOf(plan)].map(dirname);
  for (const path of new Set([...plan.directories, ...places])) await make(path);
  for (const { path, content } of plan.files) {
    await attempt(`The file ${path} cannot be written`, () => writeWith(path, constants.O_TRUNC, content));
  }
  // Existing files are not emptied: a job that runs again appends to the files of its earlier attempt.
  for (const path of new Set(stdFilesOf(plan))) {
    await attempt(`The file ${path} cannot be written`, () => writeWith(path, constants.O_APPEND, ""));
  }
  for (const log of new Set(logsOf(plan))) {
    await attempt(`The file ${log} cannot be written`, () => appendToLog(log, "Run started."));
  }
}

/** Appends a line with the time to an execution log, which a job could have replaced by a link or a pipe. */
export async function appendToLog(path: string, text: string): Promise<void> {
  const time = new Date().toISOString().replace(/\.\d+/, "");
  await writeWith(path, constants.O_APPEND, `${time} ${text.replaceAll("\n", " ")}\n`);
}

/** Removes the links that an older version created for a run, and nothing that replaced them. */
export async function removeMounts(mounts: readonly LaunchMount[]): Promise<void> {
  for (const { source, target } of mounts) {
    if ((await linkTarget(target)) === source) await unlink(target);
  }
}

function stdFilesOf({ preparation, processes }: PlainPlan): string[] {
  return [...preparation, ...processes].flatMap(({ stdout, stderr }) => [stdout, stderr]);
}

function logsOf({ nodes }: PlainPlan): string[] {
  return nodes.map(({ executionLog }) => executionLog);
}

/** An earlier job could have put something else in the place of a link. */
async function checkMount({ source, target }: LaunchMount): Promise<void> {
  const leadsThere = await attempt(
    `The volume ${source} is not mounted at ${target}`,
    async () => (await realpath(target)) === (await realpath(source)),
    "MountFailed",
  );
  if (!leadsThere) throw new StartError("MountFailed", `${target} does not lead to the volume ${source}.`);
}

async function linkTarget(path: string): Promise<string | undefined> {
  try {
    return (await lstat(path)).isSymbolicLink() ? await readlink(path) : undefined;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function territoriesOf(plan: PlainPlan): Promise<Territory[]> {
  const scratch = new Set([...plan.scratchRoots, ...plan.nodes.map(({ tempDirectory }) => dirname(tempDirectory))]);
  const territories = await Promise.all([
    ...plan.mounts.map(async ({ source, target }) => ({ path: target, real: await realpath(source) })),
    ...[...scratch].map(scratchTerritory),
  ]);
  return territories.sort((a, b) => b.path.length - a.path.length);
}

/** Scratch lies on the disk of the service, so it is created synchronously, which costs less. */
async function scratchTerritory(path: string): Promise<Territory> {
  return attempt(`The folder ${path} cannot be created`, async () => {
    mkdirSync(path, { recursive: true });
    return { path, real: realpathSync.native(path) };
  });
}

async function makeDirectory(path: string, territories: readonly Territory[]): Promise<void> {
  const territory = territories.find((candidate) => isWithin(candidate.path, path));
  if (territory === undefined) {
    await mkdir(path, { recursive: true });
    return;
  }
  if (path !== territory.path) {
    await createContainedFolder(territory.real, relative(territory.path, path), territory.path);
  }
}

/** Writes without following a symbolic link at the end of the path, and without waiting for the reader of a pipe. */
async function writeWith(path: string, flag: number, text: string): Promise<void> {
  const { O_WRONLY, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  const descriptor = await promisify(open)(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | flag, 0o666);
  try {
    if (text !== "") await promisify(writeFile)(descriptor, text);
  } finally {
    await promisify(close)(descriptor);
  }
}
