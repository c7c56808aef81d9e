/**
 * The tables of `properties.db`, one entry per version of the schema. Released entries never change: a new version is a
 * new entry. Rows refer to folders and files by identity (see `identityOf`), so moving a share aside and back leaves
 * them unchanged. Rows without a folder have no effect.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE IF NOT EXISTS shares (
    account TEXT NOT NULL, share TEXT NOT NULL, identity TEXT NOT NULL, properties TEXT NOT NULL,
    PRIMARY KEY (account, share)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS files (
    account TEXT NOT NULL, share TEXT NOT NULL, identity TEXT NOT NULL, properties TEXT NOT NULL,
    PRIMARY KEY (account, share, identity)
  ) WITHOUT ROWID;
  `,
  `
  ALTER TABLE shares RENAME TO shares_1;
  ALTER TABLE files RENAME TO files_1;

  -- share: identity of the folder of a share or snapshot, here and in all tables that follow.
  CREATE TABLE shares (share TEXT PRIMARY KEY, properties TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE files (
    share TEXT NOT NULL, file TEXT NOT NULL, properties TEXT NOT NULL,
    PRIMARY KEY (share, file)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO shares SELECT identity, properties FROM shares_1;
  INSERT INTO files SELECT shares_1.identity, files_1.identity, files_1.properties FROM files_1
    JOIN shares_1 ON shares_1.account = files_1.account AND shares_1.share = files_1.share;
  DROP TABLE files_1;
  DROP TABLE shares_1;

  -- file: identity of the file, or of the share itself.
  CREATE TABLE leases (
    share TEXT NOT NULL, file TEXT NOT NULL, lease TEXT NOT NULL,
    PRIMARY KEY (share, file)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE permissions (
    share TEXT NOT NULL, key TEXT NOT NULL, permission TEXT NOT NULL,
    PRIMARY KEY (share, key)
  ) STRICT, WITHOUT ROWID;

  -- base: identity of the share of which it is a snapshot. folder: name of the folder beside the shares.
  CREATE TABLE snapshots (
    base TEXT NOT NULL, time TEXT NOT NULL, account TEXT NOT NULL, folder TEXT NOT NULL UNIQUE, share TEXT NOT NULL,
    PRIMARY KEY (base, time)
  ) STRICT, WITHOUT ROWID;

  -- Shares whose folder was moved aside. Times are milliseconds since 1970.
  CREATE TABLE deleted_shares (
    folder TEXT PRIMARY KEY, account TEXT NOT NULL, name TEXT NOT NULL, share TEXT NOT NULL,
    deleted_on INTEGER NOT NULL, expires_on INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX deleted_shares_by_name ON deleted_shares(account, name, folder);

  CREATE TABLE services (account TEXT PRIMARY KEY, properties TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `,
];
