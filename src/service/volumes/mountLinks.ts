import { randomUUID } from "node:crypto";
import { lstat, mkdir, readlink, realpath, rename, rm, stat, symlink, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { errorCode } from "../../ground/systemErrors.ts";
import { attempt, StartError } from "../startError.ts";
import type { AttachedVolume } from "./volume.ts";

/**
 * Shows a folder at a path below a mount root, by a symbolic link. Several runs share a mount root, so each step
 * tolerates another run that does the same concurrently.
 * Rejects with a `StartError` if the folder does not exist, or something other than a link has the path.
 */
export async function linkBelow(
  root: string,
  relativePath: string,
  { source, isMount }: AttachedVolume,
): Promise<string> {
  const target = join(root, relativePath);
  await attempt(
    `The volume ${source} cannot be mounted at ${target}`,
    async () => {
      if (await leadsTo(target, source, isMount === true)) return; // Most runs find the links of the run before.
      // A mount is a folder; one that hangs must not be asked.
      const isFolder = isMount === true || (await stat(source)).isDirectory();
      if (!isFolder) throw new StartError("MountFailed", `The volume ${source} is not a folder.`);
      await mkdir(dirname(root), { recursive: true });
      await createFoldersAbove(root, relativePath);
      await linkTo(source, target);
    },
    "MountFailed",
  );
  return target;
}

/** Whether a path is a link to a folder that exists. */
async function leadsTo(path: string, folder: string, isMount: boolean): Promise<boolean> {
  try {
    return (await readlink(path)) === folder && (isMount || (await realpath(path)) === folder);
  } catch {
    return false;
  }
}

/**
 * Creates the folders above a mount. Replaces links that an earlier volume left, because following them would create
 * folders in that volume.
 */
async function createFoldersAbove(root: string, relativePath: string): Promise<void> {
  let folder = dirname(root);
  for (const step of [basename(root), ...relativePath.split("/").slice(0, -1)]) {
    folder = join(folder, step);
    while (!(await isFolder(folder))) await mkdir(folder).catch(ignoring("EEXIST"));
  }
}

async function isFolder(path: string): Promise<boolean> {
  const found = await lstat(path).catch(ignoring("ENOENT"));
  if (found === undefined || found.isDirectory()) return found !== undefined;
  if (!found.isSymbolicLink()) throw inTheWay(path, "a file");
  await unlink(path).catch(async (error: unknown) => {
    // Another run may have put a folder there in the meantime.
    if (errorCode(error) !== "ENOENT" && !(await lstat(path)).isDirectory()) throw error;
  });
  return false;
}

async function linkTo(source: string, target: string): Promise<void> {
  const found = await lstat(target).catch(ignoring("ENOENT"));
  if (found && !found.isSymbolicLink()) throw inTheWay(target, found.isDirectory() ? "a folder" : "a file");
  if (found && (await readlink(target).catch(ignoring("ENOENT"))) === source) return;
  const fresh = join(dirname(target), `.${randomUUID()}`);
  await symlink(source, fresh);
  try {
    await rename(fresh, target);
  } catch (error) {
    await rm(fresh, { force: true });
    throw errorCode(error) === "EISDIR" ? inTheWay(target, "a folder") : error;
  }
}

function inTheWay(path: string, what: string): StartError {
  return new StartError("MountFailed", `The volume cannot be mounted: ${path} is ${what}. Remove it.`);
}

function ignoring(...codes: readonly string[]): (error: unknown) => undefined {
  return (error) => {
    if (!codes.includes(errorCode(error) ?? "")) throw error;
    return undefined;
  };
}
