import { lstatSync, mkdirSync, readdirSync, realpathSync, renameSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { join } from "node:path";
import { Copies } from "./copies.ts";
import { identityOf } from "../http/answerHeaders.ts";
import { purgeExpired, recover } from "./deletedShares.ts";
import { draftPrefix } from "../disk/drafts.ts";
import { StorageError } from "../errors.ts";
import { forgetGone } from "./goneFiles.ts";
import { isShareName } from "../disk/names.ts";
import { closeDirectories } from "../disk/openDirectories.ts";
import { PropertyStore } from "../records/properties.ts";
import type { ShareAddress, ShareIdentity } from "../records/properties.ts";
import { ShareGate } from "./shareGate.ts";
import { discard } from "./snapshots.ts";
import { WrittenRanges } from "../records/writtenRanges.ts";

/** A share that exists. */
export interface Share extends ShareAddress, ShareIdentity {
  /** Absolute path of its folder, free of symbolic links. */
  readonly folder: string;
  /** State of that folder. */
  readonly stat: BigIntStats;
  /** Of a snapshot, its time. */
  readonly snapshot?: string;
}

/** Start of the names of snapshots and deleted shares of which no row was left: nobody but their owner touches them. */
const lostPrefix = ".lost-";

/** How often deleted shares are looked through for those whose time is over. */
const purgeInterval = 60 * 60 * 1000;
/** How often shares are searched for files of which something is stored and that are there no more. */
const sweepInterval = 24 * purgeInterval;

/** The shares of all accounts: `ROOT/ACCOUNT/SHARE` are plain folders, `ROOT/properties.db` holds the rest. */
export class Storage {
  /** Everything a file system has no place for. */
  readonly properties: PropertyStore;
  /** Which parts of files were written, and which are holes. */
  readonly written: WrittenRanges;
  /** Copies that go on after their requests were answered. */
  readonly copies = new Copies();
  /** Keeps changes of a share and its snapshots apart. */
  readonly gate = new ShareGate();
  /** Days for which accounts that say nothing about it keep deleted shares. */
  readonly retentionDays: number;
  readonly #closing = new AbortController();
  /** Tells work that may take long when to stop, because the service ends. */
  readonly closing = this.#closing.signal;
  readonly #root: string;
  readonly #accountNames: readonly string[];
  readonly #accountFolders = new Map<string, string>();
  readonly #purging: NodeJS.Timeout;
  readonly #sweeping: NodeJS.Timeout;
  #housekeeping: Promise<void>;

  constructor(dataDir: string, accountNames: readonly string[], retentionDays = 0) {
    this.retentionDays = retentionDays;
    this.#root = realpathSync(dataDir);
    this.#accountNames = accountNames;
    for (const accountName of accountNames) {
      const folder = join(this.#root, accountName);
      mkdirSync(folder, { recursive: true });
      // Whoever has an account on another disk may have put a link in its place.
      this.#accountFolders.set(accountName, realpathSync(folder));
    }
    this.properties = new PropertyStore(join(this.#root, "properties.db"));
    this.written = new WrittenRanges(join(this.#root, "ranges.db"));
    try {
      this.#housekeeping = this.#discard(accountNames.flatMap((accountName) => this.#leftovers(accountName)));
    } catch (error) {
      this.properties.close();
      this.written.close();
      throw error;
    }
    this.#purging = setInterval(() => {
      this.#housekeeping = this.#housekeeping.then(() => this.#purge());
    }, purgeInterval).unref();
    this.#sweeping = setInterval(() => {
      this.#housekeeping = this.#housekeeping.then(() => this.#sweep());
    }, sweepInterval).unref();
  }

  /** Absolute folder of an account, with its shares and, beside them, what only this class knows of. */
  accountFolder(accountName: string): string {
    return this.#accountFolders.get(accountName) ?? join(this.#root, accountName);
  }

  /**
   * Whether the file system notes when a file is born. Where it does not, a file that gets the inode number of one that
   * was deleted on the disk cannot be told from it.
   */
  get notesBirths(): boolean {
    return lstatSync(this.#root, { bigint: true }).birthtimeNs !== 0n;
  }

  #leftovers(accountName: string): string[] {
    const folder = this.accountFolder(accountName);
    const drafts = readdirSync(folder).filter((name) => name.startsWith(draftPrefix));
    const unknown = recover(this, accountName);
    if (!this.properties.isNew) return [...drafts, ...unknown].map((name) => join(folder, name));
    // Where all rows were lost, snapshots and deleted shares are no leftovers: their owner may want them.
    for (const name of unknown) renameSync(join(folder, name), join(folder, `${lostPrefix}${name.slice(1)}`));
    return drafts.map((name) => join(folder, name));
  }

  /** Removes what earlier runs left. Whoever starts the service does not wait for it. */
  async #discard(paths: readonly string[]): Promise<void> {
    for (const path of paths) if (!this.closing.aborted) await discard(this, path).catch(() => undefined);
    await this.#purge();
    await this.#sweep();
  }

  /** Drops rows of files that were deleted on the disk. */
  async #sweep(): Promise<void> {
    try {
      const accounts = this.#accountNames.map((accountName) => this.#sharesOf(accountName));
      await forgetGone(this, accounts.flat(), this.#areAllShares());
    } catch {
      // What cannot be looked at now is looked at another day.
    }
  }

  /** Whether there are no shares but those of the accounts that are hosted now, deleted ones included. */
  #areAllShares(): boolean {
    const folders = readdirSync(this.#root, { withFileTypes: true }).filter((entry) => !entry.isFile());
    const areHosted = folders.every(({ name }) => this.#accountFolders.has(name));
    return areHosted && this.properties.get("SELECT 1 FROM deleted_shares LIMIT 1") === undefined;
  }

  #sharesOf(accountName: string): Share[] {
    return this.shareNames(accountName).flatMap((shareName) => this.findShare({ accountName, shareName }) ?? []);
  }

  /** What cannot be removed now is tried again later. */
  async #purge(): Promise<void> {
    for (const accountName of this.#accountNames) {
      if (!this.closing.aborted) await purgeExpired(this, accountName).catch(() => undefined);
    }
  }

  /** The share, or undefined when there is no such folder. A share made by hand counts; a symbolic link does not. */
  findShare(address: ShareAddress): Share | undefined {
    if (!isShareName(address.shareName)) return undefined;
    const folder = join(this.accountFolder(address.accountName), address.shareName);
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
    const entries = readdirSync(this.accountFolder(accountName), { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && isShareName(entry.name))
      .map((entry) => entry.name)
      .sort();
  }

  /** Creates the folder of a share. Throws when it exists. */
  createShare(address: ShareAddress): Share {
    try {
      mkdirSync(join(this.accountFolder(address.accountName), address.shareName));
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "EEXIST") {
        throw new StorageError("ShareAlreadyExists");
      }
      throw error;
    }
    return this.share(address);
  }

  /** Tells all work that may take long to end. */
  stop(): void {
    this.#closing.abort(new StorageError("ServerBusy"));
    clearInterval(this.#purging);
    clearInterval(this.#sweeping);
    void this.copies.close();
  }

  /** Stops what goes on beside requests, of which none may be under way any more, and closes the databases. */
  async close(): Promise<void> {
    this.stop();
    await this.copies.close();
    await this.#housekeeping;
    this.properties.close();
    this.written.close();
    closeDirectories();
  }
}
