import { timingSafeEqual } from "node:crypto";
import type { FilesService, StorageAccount } from "../../files/index.ts";
import type { ShareHost } from "./volumes.ts";

/** The file shares of this service, as the scheduler sees them. */
export function shareHost(files: FilesService, accounts: readonly StorageAccount[]): ShareHost {
  const keyOf = (name: string) => Buffer.from(accounts.find((account) => account.name === name)?.key ?? "");
  return {
    accountNames: accounts.map(({ name }) => name),
    holdsKey: (accountName, accountKey) => {
      const presented = Buffer.from(accountKey);
      const known = keyOf(accountName);
      return known.length === presented.length && timingSafeEqual(known, presented);
    },
    shareFolder: (accountName, shareName) => files.shareFolder(accountName, shareName),
    fileEndpoint: (accountName) => files.fileEndpoint(accountName),
  };
}
