import { constants, lstat, mkdir, open, readlink, realpath, stat, symlink, unlink } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import type { LaunchMount, LaunchPlan } from "../engine.ts";
import { isWithin } from "../../../ground/containment.ts";
import { attempt, StartError } from "../../startError.ts";
import { errorCode } from "../../../ground/systemErrors.ts";

/** A folder in whose tree a run may write, and where that tree really lies. */
interface Territory {
  readonly path: string;
  readonly real: string;
}

/**
 * Makes everything that must exist before a run starts. Folders below a mount or a scratch directory are made step by
 * step, and no step may leave it: an earlier job could have left a symbolic link there that leads elsewhere.
 */
export async function makeFolders(plan: LaunchPlan): Promise<void> {
  for (const mount of plan.mounts) await makeMount(mount);
  const territories = await territoriesOf(plan);
  const make = (path: string): Promise<void> => {
    return attempt(`The folder ${path} cannot be made`, () => makeDirectory(path, territories));
  };
  const places = [...plan.files.map(({ path }) => path), ...outputFilesOf(plan), ...logsOf(plan)].map(dirname);
  for (const path of new Set([...plan.directories, ...places])) await make(path);
  for (const { path, content } of plan.files) {
    await attempt(`The file ${path} cannot be written`, () => writeWith(path, constants.O_TRUNC, content));
  }
  // Nothing is emptied: a job that runs again goes on in the files of its earlier attempt.
  for (const path of new Set([...outputFilesOf(plan), ...logsOf(plan)])) {
    await attempt(`The file ${path} cannot be written`, () => appendTo(path, ""));
  }
}

/** Adds text to a file that a job could have replaced by a link or a pipe. */
export async function appendTo(path: string, text: string): Promise<void> {
  await writeWith(path, constants.O_APPEND, text);
}

/** Removes the mounts of a run, and nothing that somebody else put in their place. */
export async function removeMounts(mounts: readonly LaunchMount[]): Promise<void> {
  for (const { source, target } of mounts) {
    if ((await linkTarget(target)) === source) await unlink(target);
  }
}

function outputFilesOf({ preparation, processes }: LaunchPlan): string[] {
  return [...preparation, ...processes].flatMap(({ stdout, stderr }) => [stdout, stderr]);
}

function logsOf({ nodes }: LaunchPlan): string[] {
  return nodes.map(({ executionLog }) => executionLog);
}

/** On a machine of its own nothing has to be mounted: a symbolic link shows the folder at the other path. */
async function makeMount({ source, target }: LaunchMount): Promise<void> {
  await attempt(
    `The volume ${source} cannot be mounted at ${target}`,
    async () => {
      const isFolder = (await stat(source)).isDirectory();
      if (!isFolder) throw new StartError("MountFailed", `The volume ${source} is not a folder.`);
      await mkdir(dirname(target), { recursive: true });
      if ((await linkTarget(target)) !== source) await symlink(source, target);
    },
    "MountFailed",
  );
}

async function linkTarget(path: string): Promise<string | undefined> {
  try {
    return (await lstat(path)).isSymbolicLink() ? await readlink(path) : undefined;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function territoriesOf(plan: LaunchPlan): Promise<Territory[]> {
  const scratch = [plan.runDirectory, ...plan.nodes.map(({ tempDirectory }) => dirname(tempDirectory))];
  for (const path of scratch) {
    await attempt(`The folder ${path} cannot be made`, () => mkdir(path, { recursive: true }));
  }
  const territories = await Promise.all([
    ...plan.mounts.map(async ({ source, target }) => ({ path: target, real: await realpath(source) })),
    ...scratch.map(async (path) => ({ path, real: await realpath(path) })),
  ]);
  return territories.sort((a, b) => b.path.length - a.path.length);
}

async function makeDirectory(path: string, territories: readonly Territory[]): Promise<void> {
  const territory = territories.find((candidate) => isWithin(candidate.path, path));
  if (territory === undefined) {
    await mkdir(path, { recursive: true });
    return;
  }
  let real = territory.real;
  for (const segment of relative(territory.path, path).split(sep).filter(Boolean)) {
    const next = join(real, segment);
    await mkdir(next).catch((error: unknown) => {
      if (errorCode(error) !== "EEXIST") throw error;
    });
    real = await realpath(next);
    if (!isWithin(territory.real, real)) {
      const message = `The folder ${path} leads out of ${territory.path} by a symbolic link.`;
      throw new StartError("FailedStartingProcess", message);
    }
    if (!(await stat(real)).isDirectory()) {
      throw new StartError("FailedStartingProcess", `The folder ${path} cannot be made: ${segment} is a file.`);
    }
  }
}

/** Never through a symbolic link at the end of the path, and never waiting for the reader of a pipe. */
async function writeWith(path: string, flag: number, text: string): Promise<void> {
  const { O_WRONLY, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  const file = await open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | flag, 0o666);
  try {
    await file.writeFile(text);
  } finally {
    await file.close();
  }
}
