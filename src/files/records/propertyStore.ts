import { SqliteFile } from "../../ground/sqlite.ts";
import type { SqlRow, SqlValue } from "../../ground/sqlite.ts";
import { BoundedMap } from "./boundedMap.ts";
import type { Lease } from "./lease.ts";
import { lockPatience } from "./lockPatience.ts";
import { migrations } from "./migrations.ts";
import type { FileProperties, ShareIdentity, ShareProperties } from "./properties.ts";

const remedy =
  "Restore it from a backup, or move it away. Without it, files keep their content but lose their stored properties.";

/** Properties of a file or directory, and the lease on it. */
interface FileAndLease {
  readonly properties: FileProperties;
  readonly lease: Lease | undefined;
}

/** Number of files whose rows {@link PropertyStore} caches. Most files have no row, and take a third of a kilobyte. */
const mostRecent = 16_000;
const nothing: FileAndLease = { properties: {}, lease: undefined };

/**
 * Stores what a file system cannot store, in one SQLite file. A row belongs to an identity (see `identityOf`), not to a path:
 * a file that is renamed keeps its properties, and a file that replaces another one on the disk starts without
 * properties.
 */
export class PropertyStore {
  readonly #database: SqliteFile;
  /** Results of reads since the last change. Files are read more often than written. */
  readonly #recent = new BoundedMap<string, FileAndLease>(mostRecent);

  /** @throws Error if the file cannot be used, is damaged, or a newer version wrote it. */
  constructor(path: string) {
    this.#database = new SqliteFile(path, { migrations, remedy, synchronous: "NORMAL", timeoutInMs: lockPatience });
  }

  /** Whether the file did not exist before. */
  get isNew(): boolean {
    return this.#database.isNew;
  }

  /** Returns the properties of a file or directory; empty if none are stored. */
  file(share: ShareIdentity, identity: string): FileProperties {
    const row = this.get("SELECT properties FROM files WHERE share = ? AND file = ?", share.identity, identity);
    return row === undefined ? {} : (JSON.parse(String(row.properties)) as FileProperties);
  }

  /** Returns the properties of a file or directory, as {@link PropertyStore.file} does, and the lease on it. */
  fileAndLease(share: ShareIdentity, identity: string): FileAndLease {
    const key = `${share.identity} ${identity}`;
    const remembered = this.#recent.get(key);
    if (remembered !== undefined) return remembered;
    const found = this.#readFileAndLease(share, identity);
    this.#recent.set(key, found);
    return found;
  }

  #readFileAndLease(share: ShareIdentity, identity: string): FileAndLease {
    const row = this.get(
      `SELECT (SELECT properties FROM files WHERE share = ? AND file = ?) AS properties,
              (SELECT lease FROM leases WHERE share = ? AND file = ?) AS lease`,
      share.identity,
      identity,
      share.identity,
      identity,
    );
    const { properties, lease } = row ?? {};
    if (typeof properties !== "string" && typeof lease !== "string") return nothing;
    return {
      properties: typeof properties === "string" ? (JSON.parse(properties) as FileProperties) : {},
      lease: typeof lease === "string" ? (JSON.parse(lease) as Lease) : undefined,
    };
  }

  /** Stores the properties of a file or directory as its next revision. */
  setFile(share: ShareIdentity, identity: string, properties: FileProperties): void {
    const next = { ...properties, revision: (properties.revision ?? 0) + 1 };
    this.run("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", share.identity, identity, JSON.stringify(next));
  }

  /** Stores the properties of a copy, including the revision. */
  copyFile(share: ShareIdentity, identity: string, properties: FileProperties): void {
    this.run("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", share.identity, identity, JSON.stringify(properties));
  }

  /** Deletes what is stored about a file or directory, including its lease. */
  forgetFile(share: ShareIdentity, identity: string): void {
    this.run("DELETE FROM files WHERE share = ? AND file = ?", share.identity, identity);
    this.setLease(share, identity, undefined);
  }

  /** Returns the lease on a file, or on a share if `identity` is that of the share; undefined if it is not leased. */
  lease(share: ShareIdentity, identity: string): Lease | undefined {
    const row = this.get("SELECT lease FROM leases WHERE share = ? AND file = ?", share.identity, identity);
    return row === undefined ? undefined : (JSON.parse(String(row.lease)) as Lease);
  }

  /** Stores the lease on a file or share; undefined deletes it. Does not change the ETag. */
  setLease(share: ShareIdentity, identity: string, lease: Lease | undefined): void {
    if (lease === undefined) this.run("DELETE FROM leases WHERE share = ? AND file = ?", share.identity, identity);
    else this.run("INSERT OR REPLACE INTO leases VALUES (?, ?, ?)", share.identity, identity, JSON.stringify(lease));
  }

  /** Returns the properties of a share; empty if none are stored. */
  share(share: ShareIdentity): ShareProperties {
    const row = this.get("SELECT properties FROM shares WHERE share = ?", share.identity);
    return row === undefined ? {} : (JSON.parse(String(row.properties)) as ShareProperties);
  }

  /** Stores the properties of a share as its next revision. */
  setShare(share: ShareIdentity, properties: ShareProperties): void {
    const next = { ...properties, changedOn: new Date().toISOString(), revision: (properties.revision ?? 0) + 1 };
    this.flushed(() => {
      this.run("INSERT OR REPLACE INTO shares VALUES (?, ?)", share.identity, JSON.stringify(next));
    });
  }

  /** Stores the properties of a snapshot, including the revision. */
  copyShare(share: ShareIdentity, properties: ShareProperties): void {
    this.run("INSERT OR REPLACE INTO shares VALUES (?, ?)", share.identity, JSON.stringify(properties));
  }

  /** Deletes what is stored about a share or snapshot and everything in it. */
  forgetShare(share: ShareIdentity): void {
    for (const table of ["files", "leases", "permissions", "shares"]) {
      this.run(`DELETE FROM ${table} WHERE share = ?`, share.identity);
    }
  }

  /** Returns the first row of a query. */
  get(sql: string, ...values: SqlValue[]): SqlRow | undefined {
    return this.#database.get(sql, ...values);
  }

  /** Returns all rows of a query. */
  all(sql: string, ...values: SqlValue[]): SqlRow[] {
    return this.#database.all(sql, ...values);
  }

  /** Runs a statement that changes something. */
  run(sql: string, ...values: SqlValue[]): void {
    this.#recent.clear();
    this.#database.run(sql, ...values);
  }

  /** Commits everything that `change` writes together, or nothing of it. */
  transaction(change: () => void): void {
    try {
      this.#database.transaction(change);
    } finally {
      // A change that was rolled back may have been read in the meantime.
      this.#recent.clear();
    }
  }

  /** Throws if nothing can be written now, so that a change of the disk does not begin that cannot be completed. */
  requireWritable(): void {
    this.#database.transaction(() => undefined);
  }

  /** Like {@link PropertyStore.transaction}. The change survives a power failure once this method returns. */
  flushed(change: () => void): void {
    try {
      this.#database.flushed(change);
    } finally {
      this.#recent.clear();
    }
  }

  /** Closes the file. */
  close(): void {
    this.#database.close();
  }
}
