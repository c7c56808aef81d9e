import { lstatSync, realpathSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { makePrivate } from "../ground/privateFile.ts";
import { reasonOf } from "../ground/systemErrors.ts";
import { createFolder } from "../ground/createFolder.ts";

/** A data folder, and the folder in which its mount roots are to be. */
export interface MountRootOptions {
  /** Folder for the mount roots of all data folders. Default: {@link defaultMountRoot}. */
  readonly mountRoot?: string | undefined;
  readonly dataDir: string;
  /** Name of the folder of this data folder. */
  readonly name: string;
}

/** File in the folder of a data folder that says which data folder it is. */
export const ownerFile = "data-folder";

/**
 * Creates the folder that holds the mount roots and scratch folders of one data folder. It stays the same, because jobs
 * store absolute paths, for example in checkpoints. It has no blanks, because scripts of jobs do not quote paths.
 * @throws Error that says what to do if the folder cannot be used.
 */
export function openMountRoot({ mountRoot, dataDir, name }: MountRootOptions): string {
  let parent = mountRoot ?? "of this user";
  try {
    if (mountRoot === "") throw new Error("its path is empty");
    parent = resolve(mountRoot ?? defaultMountRoot());
    checkBlanks(parent);
    createFolder(parent, 0o755);
    parent = realpathSync(parent);
    checkBlanks(parent);
    checkOwner(parent);
    const folder = join(parent, name);
    createFolder(folder, 0o700);
    makePrivate(folder);
    checkOwner(folder);
    writeFileSync(join(folder, ownerFile), `${realpathSync(dataDir)}\n`);
    return folder;
  } catch (error) {
    const remedy = "Choose another folder with --mount-root (mountRoot)";
    throw new Error(`The mount root ${parent} cannot be used: ${reasonOf(error)}. ${remedy}.`, { cause: error });
  }
}

/** @throws Error if a path contains a blank. */
export function checkBlanks(path: string): void {
  if (!/\s/.test(path)) return;
  throw new Error(`${JSON.stringify(path)} contains a blank, and scripts of jobs do not expect blanks in their paths`);
}

/** Folder for mount roots unless the user chooses another. Never `/tmp`, which other users and cleaners write to. */
function defaultMountRoot(): string {
  const { XDG_STATE_HOME: stateHome } = process.env;
  if (stateHome?.startsWith("/")) return join(stateHome, "batchai");
  if (process.getuid?.() === 0) return "/var/lib/batchai";
  return join(homedir(), ".local/state/batchai");
}

/**
 * Rejects folders in which another user could put links in the way of jobs.
 * @throws Error that says who can.
 */
export function checkOwner(folder: string): void {
  const { uid, mode } = lstatSync(folder);
  const user = process.getuid?.();
  if (user === undefined) return;
  if (uid !== user)
    throw new Error(`${folder} belongs to another user (uid ${String(uid)}), not to uid ${String(user)}`);
  if ((mode & 0o022) !== 0) throw new Error(`other users can write to ${folder}`);
}
