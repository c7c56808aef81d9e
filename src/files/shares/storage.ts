import { lstatSync, mkdirSync, readdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { errorCode } from "../../ground/systemErrors.ts";
import { identityOf } from "../disk/identity.ts";
import { isShareName } from "../disk/names.ts";
import { closeDirectories } from "../disk/openDirectories.ts";
import { StorageError } from "../errors.ts";
import type { AccessPolicy, ShareAddress } from "../records/properties.ts";
import { PropertyStore } from "../records/propertyStore.ts";
import { WrittenRanges } from "../records/writtenRanges.ts";
import { Copies } from "./copies.ts";
import type { Share } from "./share.ts";
import { ShareGate } from "./shareGate.ts";

/** The shares of all accounts. `ROOT/ACCOUNT/SHARE` are plain folders; databases in `ROOT` store everything else. */
export class Storage {
  /** Everything that a file system cannot store. */
  readonly properties: PropertyStore;
  /** The parts of files that were written, and those that are holes. */
  readonly written: WrittenRanges;
  /** Copies that continue after their requests were answered. */
  readonly copies = new Copies();
  /** Keeps changes of a share apart from its snapshots. */
  readonly gate = new ShareGate();
  /** Days for which deleted shares are kept, for accounts that have not set it. */
  readonly retentionDays: number;
  /** Absolute path of the data folder, without symbolic links. */
  readonly root: string;
  /** Names of the accounts that the endpoint hosts. */
  readonly accountNames: readonly string[];
  readonly #closing = new AbortController();
  /** Aborted when the service stops, for work that may take long. */
  readonly closing = this.#closing.signal;
  readonly #accountFolders = new Map<string, string>();

  constructor(dataDir: string, accountNames: readonly string[], retentionDays = 0) {
    this.retentionDays = retentionDays;
    this.root = realpathSync(dataDir);
    this.accountNames = accountNames;
    for (const accountName of accountNames) {
      const folder = join(this.root, accountName);
      mkdirSync(folder, { recursive: true });
      // The folder may be a symbolic link to another disk.
      this.#accountFolders.set(accountName, realpathSync(folder));
    }
    this.properties = new PropertyStore(join(this.root, "properties.db"));
    try {
      this.written = new WrittenRanges(join(this.root, "ranges.db"));
    } catch (error) {
      this.properties.close();
      throw error;
    }
  }

  /** Returns the absolute folder of an account. It contains the account's shares and, beside them, internal folders. */
  accountFolder(accountName: string): string {
    return this.#accountFolders.get(accountName) ?? join(this.root, accountName);
  }

  /**
   * Whether the file system records creation times. If it does not, a new file that gets the inode number of a file that
   * was deleted on the disk cannot be told apart from it.
   */
  get recordsCreationTimes(): boolean {
    return lstatSync(this.root, { bigint: true }).birthtimeNs !== 0n;
  }

  /** Returns a share; undefined if its folder does not exist. A folder created on the disk counts, a symbolic link does not. */
  findShare(address: ShareAddress): Share | undefined {
    if (!isShareName(address.shareName)) return undefined;
    const folder = join(this.accountFolder(address.accountName), address.shareName);
    const stat = lstatSync(folder, { bigint: true, throwIfNoEntry: false });
    return stat?.isDirectory() === true ? { ...address, folder, stat, identity: identityOf(stat) } : undefined;
  }

  /** Returns a share. Throws if it does not exist. */
  share(address: ShareAddress): Share {
    const share = this.findShare(address);
    if (share === undefined) throw new StorageError("ShareNotFound");
    return share;
  }

  /** Returns the names of all shares of an account, in order. */
  shareNames(accountName: string): string[] {
    const entries = readdirSync(this.accountFolder(accountName), { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && isShareName(entry.name))
      .map((entry) => entry.name)
      .sort();
  }

  /** Returns a stored access policy of a share; undefined if the share or the policy does not exist. */
  accessPolicy(address: ShareAddress, id: string): AccessPolicy | undefined {
    const share = this.findShare(address);
    const policies = share === undefined ? [] : (this.properties.share(share).policies ?? []);
    return policies.find((policy) => policy.id === id);
  }

  /** Creates the folder of a share. Throws if it exists. */
  createShare(address: ShareAddress): Share {
    try {
      mkdirSync(join(this.accountFolder(address.accountName), address.shareName));
    } catch (error) {
      throw errorCode(error) === "EEXIST" ? new StorageError("ShareAlreadyExists") : error;
    }
    return this.share(address);
  }

  /** Aborts all work that may take long. */
  stop(): void {
    this.#closing.abort(new StorageError("ServerBusy"));
    void this.copies.close();
  }

  /** Stops copies and closes the databases. No request may be active any longer. */
  async close(): Promise<void> {
    this.stop();
    await this.copies.close();
    this.properties.close();
    this.written.close();
    closeDirectories();
  }
}
