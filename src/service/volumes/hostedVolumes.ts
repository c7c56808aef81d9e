import { timingSafeEqual } from "node:crypto";
import { lstatSync } from "node:fs";
import { join } from "node:path";
import type { FilesService, StorageAccount } from "../../files/index.ts";
import type { Store } from "../state/store.ts";
import type { VolumeHost } from "./volume.ts";

/** The parts of the service in which volumes are found. */
export interface VolumeParts {
  readonly files: FilesService;
  /** Folder of the file shares: one folder for each account in it. */
  readonly filesFolder: string;
  readonly accounts: readonly StorageAccount[];
  readonly store: Store;
  readonly folders: {
    /** Returns the absolute folder of a file server by its sequence number. */
    fileServer(sequence: number): string;
  };
}

/** Returns the volumes of this service: its file shares and its file servers. */
export function hostedVolumes({ files, filesFolder, accounts, store, folders }: VolumeParts): VolumeHost {
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
