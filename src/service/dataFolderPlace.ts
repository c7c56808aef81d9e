import { createHash } from "node:crypto";
import { realpathSync, statSync } from "node:fs";
import { dataFolderId } from "./identity/serviceIdentity.ts";
import type { Store } from "./state/store.ts";

/** Where a data folder is, and which folder it is. */
export interface DataFolderPlace {
  /** Real path. */
  readonly path: string;
  /** Stays the same if the folder is moved within its file system; a copy has another one. */
  readonly identity: string;
  /** Name of its folder in the mount root; a copy has another one, because both may be in use. */
  readonly mountRootName: string;
}

const setting = "dataFolderPlace";

/**
 * Notes where a data folder is. A folder that was moved keeps the name of its folder in the mount root, because running
 * jobs and checkpoints contain paths in it.
 * @throws Error if the folder is a copy of one that still exists: both would run the same jobs.
 */
export function settleDataFolder(store: Store, dataDir: string): DataFolderPlace {
  const path = realpathSync(dataDir);
  const identity = identityOf(path) ?? "";
  const known = knownPlace(store);
  const isCopy = known !== undefined && known.identity !== identity;
  if (isCopy && known.path !== path && identityOf(known.path) === known.identity) {
    throw new Error(
      `The data folder ${path} is a copy of ${known.path}, and two services would run the same jobs. ` +
        `Use ${known.path}, or rename or remove it to continue with the copy.`,
    );
  }
  const mountRootName = known && !isCopy ? known.mountRootName : newMountRootName(path, identity, dataFolderId(store));
  const place = { path, identity, mountRootName };
  store.settings.set(setting, JSON.stringify(place));
  return place;
}

function knownPlace({ settings }: Store): DataFolderPlace | undefined {
  const text = settings.get(setting);
  return text === undefined ? undefined : (JSON.parse(text) as DataFolderPlace);
}

function identityOf(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found && `${String(found.dev)}:${String(found.ino)}`;
}

/** Short, for the sake of sockets. */
function newMountRootName(path: string, identity: string, id: string): string {
  return createHash("sha256").update(`${path}\n${identity}\n${id}`).digest("hex").slice(0, 8);
}
