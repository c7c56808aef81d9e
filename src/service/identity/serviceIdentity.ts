import { randomBytes, randomUUID } from "node:crypto";
import type { StorageAccount } from "../../files/index.ts";
import { newAccessToken } from "./accessToken.ts";
import type { Store } from "../state/store.ts";

/** Identity of the service. It stays the same across restarts of a data folder. */
export interface ServiceIdentity {
  readonly subscriptionId: string;
  readonly token: string;
  readonly account: StorageAccount;
}

const owner = "service";

/**
 * Reads the identity of a data folder; creates it at the first start.
 * @throws Error if an option contradicts what the folder contains.
 */
export function serviceIdentityOf(
  store: Store,
  options: { readonly subscriptionId?: string; readonly storageAccountName?: string },
): ServiceIdentity {
  return store.transaction(() => {
    const secrets = store.vault.get(owner);
    const token = secrets.token ?? newAccessToken();
    const key = secrets.accountKey ?? randomBytes(64).toString("base64");
    if (secrets.token === undefined) store.vault.put(owner, { token, accountKey: key });
    const subscriptionId = kept(store, "subscriptionId", options.subscriptionId, randomUUID());
    const name = kept(store, "storageAccountName", options.storageAccountName, "batchaistorage");
    if (!/^[a-z0-9]{3,24}$/.test(name)) {
      throw new Error(`storageAccountName must be 3 to 24 lower-case letters and digits, got ${JSON.stringify(name)}.`);
    }
    return { subscriptionId, token, account: { name, key } };
  });
}

function kept(store: Store, setting: string, wanted: string | undefined, initial: string): string {
  const known = store.settings.get(setting);
  if (known !== undefined && wanted !== undefined && known !== wanted) {
    throw new Error(`${setting} of this data folder is ${known} and cannot become ${wanted}. Use another data folder.`);
  }
  const value = known ?? wanted ?? initial;
  if (known === undefined) store.settings.set(setting, value);
  return value;
}

/** Returns the ID of the data folder, which a copy of the folder shares. Created at the first start. */
export function dataFolderId(store: Store): string {
  return store.transaction(() => kept(store, "dataFolderId", undefined, randomUUID()));
}
