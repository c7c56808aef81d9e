import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { createFolder } from "../ground/createFolder.ts";
import { reasonOf } from "../ground/systemErrors.ts";
import type { DataFolderPlace } from "./dataFolderPlace.ts";
import { checkBlanks, checkOwner, ownerFile } from "./mountRoot.ts";
import type { Store } from "./state/store.ts";

/** A data folder, and the folder that nodes of Slurm share with this machine. */
export interface SharedFolderOptions {
  /** Folder that all nodes see at the same path. Default: none, nothing is shared. */
  readonly sharedDir: string | undefined;
  readonly place: DataFolderPlace;
  readonly store: Store;
  /** Names of the storage accounts that the service hosts. */
  readonly accountNames: readonly string[];
}

const setting = "sharedFolder";

/**
 * Opens the folder that contains what jobs see: their runs, shares, file servers and mount roots. It is the data folder
 * itself, unless nodes of Slurm need a shared folder. The databases stay in the data folder, because SQLite does not work
 * over a network. Returns its real path.
 * @throws Error that says what to do if the folder cannot be used, or belongs to another data folder.
 */
export function openSharedFolder({ sharedDir, place, store, accountNames }: SharedFolderOptions): string {
  const known = store.settings.get(setting);
  if (sharedDir === undefined) {
    if (known === undefined) return place.path;
    throw new Error(
      `The data folder ${place.path} has its runs and shares in ${known}. Start the service with --shared-dir ${known} (sharedDir).`,
    );
  }
  const folder = openFolder(sharedDir);
  if (known === undefined) checkNothingToMove(place.path, folder, accountNames, store);
  claim(folder, place, known);
  for (const name of accountNames) linkAccount(place.path, folder, name);
  store.settings.set(setting, folder);
  return folder;
}

function openFolder(sharedDir: string): string {
  try {
    if (sharedDir === "") throw new Error("its path is empty");
    const path = resolve(sharedDir);
    createFolder(path, 0o700);
    const folder = realpathSync(path);
    checkBlanks(folder);
    checkOwner(folder);
    return folder;
  } catch (error) {
    const remedy = "Choose another folder with --shared-dir (sharedDir)";
    throw new Error(`The shared folder ${sharedDir} cannot be used: ${reasonOf(error)}. ${remedy}.`, { cause: error });
  }
}

/** Ties the folder to the data folder: two services would remove each other's runs. */
function claim(folder: string, { path, mountRootName }: DataFolderPlace, known: string | undefined): void {
  const marker = join(folder, ownerFile);
  const [owner, ownerPath = ""] = existsSync(marker) ? readFileSync(marker, "utf8").split("\n") : [];
  if (owner !== undefined && owner !== mountRootName) {
    throw new Error(
      `The shared folder ${folder} belongs to the data folder ${ownerPath}. Choose another one with --shared-dir (sharedDir).`,
    );
  }
  if (owner === undefined && known !== undefined && known !== folder) {
    throw new Error(
      `The data folder ${path} has its runs and shares in ${known}. Start the service with --shared-dir ${known}, or move ` +
        `that folder with everything in it to ${folder} first.`,
    );
  }
  writeFileSync(marker, `${mountRootName}\n${path}\n`, { mode: 0o600 });
}

/** What is in the data folder already would be out of sight. */
function checkNothingToMove(dataDir: string, folder: string, accountNames: readonly string[], store: Store): void {
  if (store.runs.allAlive().length > 0) {
    throw new Error(
      "A service gets a shared folder only while nothing runs. Start it without --shared-dir, and wait for its jobs.",
    );
  }
  const places = [...accountNames.map((name) => join("files", name)), "fileservers"];
  const left = places.filter((name) => isFilled(join(dataDir, name)));
  if (left.length === 0) return;
  const moves = left.map((name) => `${join(dataDir, name)} to ${join(folder, name)}`).join(", and ");
  throw new Error(`The data folder has files that jobs use. Move ${moves}, and start the service again.`);
}

function isFilled(folder: string): boolean {
  const isFolder = lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false;
  return isFolder && readdirSync(folder).length > 0;
}

/** The file endpoint keeps its databases in its own folder, and follows a link to the shares of an account. */
function linkAccount(dataDir: string, folder: string, name: string): void {
  const target = join(folder, "files", name);
  const link = join(dataDir, "files", name);
  createFolder(target);
  createFolder(join(dataDir, "files"));
  const found = lstatSync(link, { throwIfNoEntry: false });
  if (found?.isSymbolicLink()) unlinkSync(link);
  else if (found) rmdirSync(link);
  symlinkSync(target, link);
}
