import { accessSync, constants, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { makePrivate } from "./privateFile.ts";
import { errorCode, reasonOf } from "./systemErrors.ts";
import { createFolder } from "./createFolder.ts";

/** Options of {@link openDataFolder}. */
export interface DataFolderOptions {
  /** Names of the folders in it that only the service uses. */
  readonly privateFolders: readonly string[];
  /** Called if other users can enter the folder. */
  readonly warn: (message: string) => void;
}

/**
 * Opens a data folder; creates it if it does not exist. Takes all permissions of others from the files in it and from its
 * private folders. Leaves the folder itself and the shares in it as they are, because their owner may share them.
 * @throws Error that says what to do if the folder cannot be used, belongs to another user, or others can write to it.
 */
export function openDataFolder(path: string, { privateFolders, warn }: DataFolderOptions): void {
  try {
    createOwnFolder(path);
    const { uid, mode } = statSync(path);
    checkOwner(path, uid, mode);
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    makeContentPrivate(path, privateFolders);
    if ((mode & 0o055) !== 0)
      warn(`Other users can enter the data folder ${path}. To prevent it, run: chmod 700 ${path}`);
  } catch (error) {
    throw new Error(`The data folder ${path} cannot be used: ${reasonOf(error)}.`, { cause: error });
  }
}

function createOwnFolder(path: string): void {
  try {
    createFolder(path, 0o700);
  } catch (error) {
    if (errorCode(error) === "EEXIST") throw new Error("it is a file, not a folder", { cause: error });
    throw error;
  }
}

function checkOwner(path: string, owner: number, mode: number): void {
  const user = process.getuid?.();
  if (user === undefined) return;
  if (owner !== user) {
    throw new Error(`it belongs to another user (uid ${String(owner)}), and this process runs as uid ${String(user)}`);
  }
  if ((mode & 0o022) === 0) return;
  throw new Error(`other users can write to it. Check what is in it, then run: chmod go-w ${path}`);
}

function makeContentPrivate(path: string, privateFolders: readonly string[]): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isFile() || (entry.isDirectory() && privateFolders.includes(entry.name))) {
      makePrivate(join(path, entry.name));
    }
  }
}
