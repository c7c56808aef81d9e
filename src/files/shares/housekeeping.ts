import { readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { draftPrefix } from "../disk/drafts.ts";
import { correctTimes } from "./correctTimes.ts";
import { purgeExpired, recover } from "./deletedShares.ts";
import { forgetGone } from "./goneFiles.ts";
import type { Share } from "./share.ts";
import { discard } from "./snapshots.ts";
import type { Storage } from "./storage.ts";

/** Start of the names of snapshots and deleted shares whose rows were lost. Only their owner touches these folders. */
const lostPrefix = ".lost-";

/** Time between two searches for deleted shares that have expired, in milliseconds. */
const purgeInterval = 60 * 60 * 1000;
/** Time between two searches for rows of files that no longer exist, in milliseconds. */
const sweepInterval = 24 * purgeInterval;

/**
 * Removes what is no longer needed: in the background, on startup and at intervals. Only one piece of work runs at a time.
 * Whatever cannot be removed now is tried again later.
 */
export class Housekeeping {
  readonly #storage: Storage;
  readonly #timers: readonly NodeJS.Timeout[];
  #work: Promise<void>;

  /** Brings rows and folders together before the first request. Throws if a folder of an account cannot be read. */
  constructor(storage: Storage) {
    this.#storage = storage;
    correctTimes(storage.properties);
    this.#work = this.#clearUp(storage.accountNames.flatMap((accountName) => this.#leftoversOf(accountName)));
    this.#timers = [this.#every(purgeInterval, () => this.#purge()), this.#every(sweepInterval, () => this.#sweep())];
  }

  /** Waits for active work, which the storage has already aborted. */
  async close(): Promise<void> {
    this.#timers.forEach(clearInterval);
    await this.#work;
  }

  #every(intervalInMs: number, work: () => Promise<void>): NodeJS.Timeout {
    return setInterval(() => {
      this.#work = this.#work.then(work);
    }, intervalInMs).unref();
  }

  /** Returns the paths of what earlier runs left in the folder of an account. */
  #leftoversOf(accountName: string): string[] {
    const folder = this.#storage.accountFolder(accountName);
    const drafts = readdirSync(folder).filter((name) => name.startsWith(draftPrefix));
    const unknown = recover(this.#storage, accountName);
    if (!this.#storage.properties.isNew) return [...drafts, ...unknown].map((name) => join(folder, name));
    // If all rows were lost, snapshots and deleted shares are not leftovers: their owner may want them.
    for (const name of unknown) renameSync(join(folder, name), join(folder, `${lostPrefix}${name.slice(1)}`));
    return drafts.map((name) => join(folder, name));
  }

  async #clearUp(leftovers: readonly string[]): Promise<void> {
    for (const path of leftovers) {
      if (!this.#storage.closing.aborted) await discard(this.#storage, path).catch(() => undefined);
    }
    await this.#purge();
    await this.#sweep();
  }

  /** Removes deleted shares that have expired. */
  async #purge(): Promise<void> {
    for (const accountName of this.#storage.accountNames) {
      if (!this.#storage.closing.aborted) await purgeExpired(this.#storage, accountName).catch(() => undefined);
    }
  }

  /** Removes rows of files that were deleted on the disk. */
  async #sweep(): Promise<void> {
    try {
      const shares = this.#storage.accountNames.flatMap((accountName) => this.#sharesOf(accountName));
      await forgetGone(this.#storage, shares, this.#areAllShares());
    } catch {
      // A share that cannot be read now is searched another day.
    }
  }

  #sharesOf(accountName: string): Share[] {
    const names = this.#storage.shareNames(accountName);
    return names.flatMap((shareName) => this.#storage.findShare({ accountName, shareName }) ?? []);
  }

  /** Whether the data folder has no other shares than those of the hosted accounts, not even deleted ones. */
  #areAllShares(): boolean {
    const { root, accountNames, properties } = this.#storage;
    const folders = readdirSync(root, { withFileTypes: true }).filter((entry) => !entry.isFile());
    const areHosted = folders.every(({ name }) => accountNames.includes(name));
    return areHosted && properties.get("SELECT 1 FROM deleted_shares LIMIT 1") === undefined;
  }
}
