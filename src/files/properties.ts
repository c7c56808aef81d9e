import { DatabaseSync } from "node:sqlite";
import type { StatementSync } from "node:sqlite";

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
  /** Counts changes of these properties, so that each one makes a new ETag. */
  readonly revision?: number;
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
}

/** Names one share of one account. */
export interface ShareAddress {
  readonly accountName: string;
  readonly shareName: string;
}

const schema = `
  CREATE TABLE IF NOT EXISTS shares (
    account TEXT NOT NULL, share TEXT NOT NULL, identity TEXT NOT NULL, properties TEXT NOT NULL,
    PRIMARY KEY (account, share)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS files (
    account TEXT NOT NULL, share TEXT NOT NULL, identity TEXT NOT NULL, properties TEXT NOT NULL,
    PRIMARY KEY (account, share, identity)
  ) WITHOUT ROWID;
  PRAGMA user_version = 1;
`;
const schemaVersion = 1;

/**
 * The properties of shares, directories and files, in one SQLite file. A row belongs to an identity (see `identityOf`)
 * and not to a path: a file that is replaced behind the endpoint's back is another file and starts without properties,
 * one that is renamed keeps them.
 */
export class PropertyStore {
  readonly #database: DatabaseSync;
  readonly #readFile: StatementSync;
  readonly #writeFile: StatementSync;
  readonly #forgetFile: StatementSync;
  readonly #readShare: StatementSync;
  readonly #writeShare: StatementSync;

  constructor(path: string) {
    this.#database = new DatabaseSync(path, { timeout: 5000 });
    this.#database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
    const version = Number(this.#database.prepare("PRAGMA user_version").get()?.user_version);
    if (version > schemaVersion) {
      this.#database.close();
      throw new Error(`${path} was written by a newer version of batchai (schema ${version}); update batchai.`);
    }
    this.#database.exec(schema);
    const prepare = (sql: string): StatementSync => this.#database.prepare(sql);
    this.#readFile = prepare("SELECT properties FROM files WHERE account = ? AND share = ? AND identity = ?");
    this.#writeFile = prepare("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)");
    this.#forgetFile = prepare("DELETE FROM files WHERE account = ? AND share = ? AND identity = ?");
    this.#readShare = prepare("SELECT properties FROM shares WHERE account = ? AND share = ? AND identity = ?");
    this.#writeShare = prepare("INSERT OR REPLACE INTO shares VALUES (?, ?, ?, ?)");
  }

  /** Properties of a file or directory; empty when nothing was ever stored for it. */
  file(share: ShareAddress, identity: string): FileProperties {
    const row = this.#readFile.get(share.accountName, share.shareName, identity);
    return row === undefined ? {} : (JSON.parse(String(row.properties)) as FileProperties);
  }

  /** Stores the properties of a file or directory as its next revision. */
  setFile(share: ShareAddress, identity: string, properties: FileProperties): void {
    const next = { ...properties, revision: (properties.revision ?? 0) + 1 };
    this.#writeFile.run(share.accountName, share.shareName, identity, JSON.stringify(next));
  }

  /** Drops what is known about a file or directory. */
  forgetFile(share: ShareAddress, identity: string): void {
    this.#forgetFile.run(share.accountName, share.shareName, identity);
  }

  /** Properties of a share; empty when nothing was ever stored for it. */
  share(share: ShareAddress, identity: string): ShareProperties {
    const row = this.#readShare.get(share.accountName, share.shareName, identity);
    return row === undefined ? {} : (JSON.parse(String(row.properties)) as ShareProperties);
  }

  /** Stores the properties of a share as its next revision. */
  setShare(share: ShareAddress, identity: string, properties: ShareProperties): void {
    const next = { ...properties, changedOn: new Date().toISOString(), revision: (properties.revision ?? 0) + 1 };
    this.#writeShare.run(share.accountName, share.shareName, identity, JSON.stringify(next));
  }

  /** Drops what is known about a share and everything in it. */
  forgetShare(share: ShareAddress): void {
    for (const table of ["files", "shares"]) {
      const statement = this.#database.prepare(`DELETE FROM ${table} WHERE account = ? AND share = ?`);
      statement.run(share.accountName, share.shareName);
    }
  }

  /** Closes the file. */
  close(): void {
    this.#database.close();
  }
}
