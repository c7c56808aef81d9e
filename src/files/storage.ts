import { lstatSync, mkdirSync, readdirSync, realpathSync, renameSync, rmSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { rm } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { identityOf } from "./description.ts";
import { draftPrefix } from "./drafts.ts";
import { StorageError } from "./errors.ts";
import { isShareName } from "./names.ts";
import { PropertyStore } from "./properties.ts";
import type { ShareAddress, ShareIdentity } from "./properties.ts";
import { WrittenRanges } from "./writtenRanges.ts";

/** A share that exists. */
export interface Share extends ShareAddress, ShareIdentity {
  /** Absolute path of its folder, free of symbolic links. */
  readonly folder: string;
  /** State of that folder. */
  readonly stat: BigIntStats;
}

/** Folders of shares that are being deleted; no share can have such a name. */
const deletedPrefix = ".deleted-";

function isLeftover(name: string): boolean {
  return name.startsWith(deletedPrefix) || name.startsWith(draftPrefix);
}

/** The shares of all accounts: `ROOT/ACCOUNT/SHARE` are plain folders, `ROOT/properties.db` holds the rest. */
export class Storage {
  /** Everything a file system has no place for. */
  readonly properties: PropertyStore;
  /** Which parts of files were written, and which are holes. */
  readonly written: WrittenRanges;
  readonly #root: string;

  constructor(dataDir: string, accountNames: readonly string[]) {
    mkdirSync(dataDir, { recursive: true });
    this.#root = realpathSync(dataDir);
    for (const accountName of accountNames) this.#prepareAccount(accountName);
    this.properties = new PropertyStore(join(this.#root, "properties.db"));
    this.written = new WrittenRanges(join(this.#root, "ranges.db"));
  }

  #prepareAccount(accountName: string): void {
    const folder = join(this.#root, accountName);
    mkdirSync(folder, { recursive: true });
    for (const name of readdirSync(folder).filter(isLeftover)) {
      rmSync(join(folder, name), { recursive: true, force: true });
    }
  }

  /** The share, or undefined when there is no such folder. A share made by hand counts; a symbolic link does not. */
  findShare(address: ShareAddress): Share | undefined {
    if (!isShareName(address.shareName)) return undefined;
    const folder = join(this.#root, address.accountName, address.shareName);
    const stat = lstatSync(folder, { bigint: true, throwIfNoEntry: false });
    return stat?.isDirectory() === true ? { ...address, folder, stat, identity: identityOf(stat) } : undefined;
  }

  /** The share. Throws when there is none. */
  share(address: ShareAddress): Share {
    const share = this.findShare(address);
    if (share === undefined) throw new StorageError("ShareNotFound");
    return share;
  }

  /** Names of all shares of an account, in order. */
  shareNames(accountName: string): string[] {
    const entries = readdirSync(join(this.#root, accountName), { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && isShareName(entry.name))
      .map((entry) => entry.name)
      .sort();
  }

  /** Creates the folder of a share. Throws when it exists. */
  createShare(address: ShareAddress): Share {
    try {
      mkdirSync(join(this.#root, address.accountName, address.shareName));
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "EEXIST") {
        throw new StorageError("ShareAlreadyExists");
      }
      throw error;
    }
    return this.share(address);
  }

  /** Deletes a share with all it holds. It is gone for everyone before the first file is removed. */
  async deleteShare(share: Share): Promise<void> {
    const doomed = join(this.#root, share.accountName, `${deletedPrefix}${randomUUID()}`);
    renameSync(share.folder, doomed);
    this.properties.forgetShare(share);
    await rm(doomed, { recursive: true, force: true });
  }

  /** Closes the property store. */
  close(): void {
    this.properties.close();
    this.written.close();
  }
}
