import { timingSafeEqual } from "node:crypto";
import { lstatSync } from "node:fs";
import { join } from "node:path";
import type { FilesService, StorageAccount } from "../../files/index.ts";
import type { Store } from "../state/store.ts";
import type { Mounts } from "./mounts.ts";
import type { VolumeHost } from "./volume.ts";

const mountNameLength = 12;

/** The parts of the service in which volumes are found. */
export interface VolumeParts {
  readonly files: FilesService;
  /** Folder of the file shares: one folder for each account in it. */
  readonly filesFolder: string;
  readonly accounts: readonly StorageAccount[];
  readonly store: Store;
  readonly mounts: Mounts;
  readonly storageSuffix: string;
  readonly folders: {
    /** Returns the absolute folder of a file server by its sequence number. */
    fileServer(sequence: number): string;
  };
}

/** Returns the places of volumes: the file shares and file servers of this service, and what it mounts. */
export function hostedVolumes(parts: VolumeParts): VolumeHost {
  const { files, filesFolder, accounts, store, folders, mounts, storageSuffix } = parts;
  const accountKeyOf = (name: string) => Buffer.from(accounts.find((account) => account.name === name)?.key ?? "");
  return {
    accountNames: accounts.map(({ name }) => name),
    holdsKey: (accountName, accountKey) => {
      const presented = Buffer.from(accountKey);
      const known = accountKeyOf(accountName);
      return known.length === presented.length && timingSafeEqual(known, presented);
    },
    findShare: ({ accountName, shareName }) => {
      const folder = files.shareFolder(accountName, shareName);
      return folder === undefined ? { problem: problemOf(join(filesFolder, accountName), shareName) } : { folder };
    },
    fileEndpoint: (accountName) => files.fileEndpoint(accountName),
    fileServerFolder: (fileServerId) => {
      const fileServer = store.resources.find("fileServers", fileServerId);
      return fileServer && folders.fileServer(fileServer.sequence);
    },
    storageSuffix,
    mounts,
    // Mount points are visible to all users, so the digest needs a key.
    nameFor: (text) => Buffer.from(store.vault.digest(text), "base64").toString("hex").slice(0, mountNameLength),
  };
}

/** Returns the reason why the file endpoint finds no share of that name. */
function problemOf(accountFolder: string, shareName: string): string {
  const found = lstatSync(join(accountFolder, shareName), { throwIfNoEntry: false });
  if (found === undefined) return `share ${shareName} does not exist. Create it first.`;
  if (found.isSymbolicLink()) return `${shareName} is a symbolic link. A share must be a folder.`;
  if (!found.isDirectory()) return `${shareName} is a file. A share must be a folder.`;
  const rule = "Use 3 to 63 lowercase letters, digits and single hyphens, with a letter or digit at both ends.";
  return `the folder ${shareName} exists, but its name cannot be the name of a share. ${rule}`;
}
