import { SqliteFile, type SqlRow, type SqlValue } from "../../ground/sqlite.ts";
import { BoundedMap } from "./boundedMap.ts";
import type { Lease } from "../http/leases.ts";
import { migrations } from "./migrations.ts";

/** Names and values of `x-ms-meta-` headers, in the order and spelling in which they came. */
export type Metadata = readonly (readonly [name: string, value: string])[];

/** What Azure keeps about a file or directory and a file system has no place for. */
export interface FileProperties {
  /** Content headers that reads answer, by lower-case header name; `content-md5` is kept apart. */
  readonly contentHeaders?: Readonly<Record<string, string>>;
  /** Stored MD5 in Base64, and the modification time (nanoseconds) of the content for which it was stated. */
  readonly contentMd5?: { readonly value: string; readonly modified: string };
  /** User metadata. */
  readonly metadata?: Metadata;
  /** SMB attributes as the wire spells them, such as `ReadOnly | Archive`. */
  readonly attributes?: string;
  /** Creation time that a client set, as ISO 8601; else the file system's counts. */
  readonly createdOn?: string;
  /** Change time that a client set, as ISO 8601, and the file system's own (nanoseconds) from right afterwards. */
  readonly changeTime?: { readonly value: string; readonly changed: string };
  /** Key of a security descriptor that a client set. */
  readonly permissionKey?: string;
  /** The copy that the file is, or was to become. */
  readonly copy?: FileCopy;
  /** Counts changes of these properties, so that each one makes a new ETag. */
  readonly revision?: number;
  /** In a snapshot: what the file system said of the original, for a copy cannot carry it. */
  readonly original?: OriginalState;
}

/** State of a file of which a snapshot holds a copy; times are nanoseconds. */
export interface OriginalState {
  readonly ino: string;
  readonly parentIno: string;
  readonly bornNs: string;
  readonly changedNs: string;
  readonly modifiedNs: string;
}

/** A copy operation and how it went. */
export interface FileCopy {
  readonly id: string;
  /** Address of the source, without any signature. */
  readonly source: string;
  readonly status: "pending" | "success" | "aborted" | "failed";
  /** Bytes of the source, all of which are copied where the status is `success`. */
  readonly size: number;
  /** End of the operation, as ISO 8601. */
  readonly completedOn?: string;
  /** What went wrong. */
  readonly description?: string;
}

/** What Azure keeps about a share. */
export interface ShareProperties {
  /** Quota in GiB; kept and shown, not enforced. */
  readonly quota?: number;
  /** User metadata. */
  readonly metadata?: Metadata;
  /** When these properties last changed, as ISO 8601. */
  readonly changedOn?: string;
  /** See {@link FileProperties.revision}. */
  readonly revision?: number;
  /** Stored access policies. */
  readonly policies?: readonly AccessPolicy[];
  /** Access tier, and when it was chosen (ISO 8601); kept and shown, without effect. */
  readonly tier?: { readonly name: string; readonly changedOn: string };
  /** In a snapshot: identity of the share that it shows. */
  readonly base?: string;
}

/** A stored access policy, with which a service SAS is completed. Texts are as the wire has them; empty: not set. */
export interface AccessPolicy {
  readonly id: string;
  readonly start: string;
  readonly expiry: string;
  readonly permission: string;
}

/** Names one share of one account. */
export interface ShareAddress {
  readonly accountName: string;
  readonly shareName: string;
}

/** The folder of a share or of a snapshot, by its identity (see `identityOf`). */
export interface ShareIdentity {
  readonly identity: string;
}

const remedy =
  "Restore it from a backup, or move it away: then files keep their content, and lose what only it knew of them.";

/** Properties of a file or directory, and the lease on it. */
interface FileAndLease {
  readonly properties: FileProperties;
  readonly lease: Lease | undefined;
}

/** Files of which {@link PropertyStore} remembers what is stored. Mostly that is nothing, and takes a third of a kilobyte. */
const mostRecent = 16_000;
const nothing: FileAndLease = { properties: {}, lease: undefined };

/**
 * What a file system has no place for, in one SQLite file. A row belongs to an identity (see `identityOf`) and not to a
 * path: a file that is replaced behind the endpoint's back is another file and starts without properties, one that is
 * renamed keeps them.
 */
export class PropertyStore {
  readonly #database: SqliteFile;
  /** What was asked for since the last change: files are read more often than they are written. */
  readonly #recent = new BoundedMap<string, FileAndLease>(mostRecent);

  /** @throws Error if the file cannot be used, is damaged, or a newer version wrote it. */
  constructor(path: string) {
    this.#database = new SqliteFile(path, { migrations, remedy, synchronous: "NORMAL", timeoutInMs: 5000 });
  }

  /** Whether the file did not exist before. */
  get isNew(): boolean {
    return this.#database.isNew;
  }

  /** Properties of a file or directory; empty when nothing was ever stored for it. */
  file(share: ShareIdentity, identity: string): FileProperties {
    const row = this.get("SELECT properties FROM files WHERE share = ? AND file = ?", share.identity, identity);
    return row === undefined ? {} : (JSON.parse(String(row.properties)) as FileProperties);
  }

  /** Properties of a file or directory as {@link PropertyStore.file} has them, and the lease on it. */
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
      `SELECT (SELECT properties FROM files WHERE share = ?1 AND file = ?2) AS properties,
              (SELECT lease FROM leases WHERE share = ?1 AND file = ?2) AS lease`,
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

  /** Stores the properties of a copy, revision included. */
  copyFile(share: ShareIdentity, identity: string, properties: FileProperties): void {
    this.run("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", share.identity, identity, JSON.stringify(properties));
  }

  /** Drops what is known about a file or directory, its lease included. */
  forgetFile(share: ShareIdentity, identity: string): void {
    this.run("DELETE FROM files WHERE share = ? AND file = ?", share.identity, identity);
    this.setLease(share, identity, undefined);
  }

  /** The lease on a file, or on a share when `identity` is the share's own; undefined when there is none. */
  lease(share: ShareIdentity, identity: string): Lease | undefined {
    const row = this.get("SELECT lease FROM leases WHERE share = ? AND file = ?", share.identity, identity);
    return row === undefined ? undefined : (JSON.parse(String(row.lease)) as Lease);
  }

  /** Stores the lease on a file or share; undefined removes it. ETags do not change. */
  setLease(share: ShareIdentity, identity: string, lease: Lease | undefined): void {
    if (lease === undefined) this.run("DELETE FROM leases WHERE share = ? AND file = ?", share.identity, identity);
    else this.run("INSERT OR REPLACE INTO leases VALUES (?, ?, ?)", share.identity, identity, JSON.stringify(lease));
  }

  /** Properties of a share; empty when nothing was ever stored for it. */
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

  /** Stores the properties of a snapshot, revision included. */
  copyShare(share: ShareIdentity, properties: ShareProperties): void {
    this.run("INSERT OR REPLACE INTO shares VALUES (?, ?)", share.identity, JSON.stringify(properties));
  }

  /** Drops what is known about a share or snapshot and everything in it. */
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
      // A change that is rolled back may have been read in the meantime.
      this.#recent.clear();
    }
  }

  /** Like {@link PropertyStore.transaction}; the change survives a power failure once this returns. */
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
