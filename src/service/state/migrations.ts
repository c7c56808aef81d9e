/**
 * The tables, one entry per version of the schema. Entries are never changed once released: a new version is a new
 * entry. Keys of resources are their ARM ids in lower case, because ARM ids are case-insensitive.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

  CREATE TABLE resources (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    parent TEXT REFERENCES resources(key),
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    etag TEXT NOT NULL,
    modified TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    deleting INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE INDEX resources_by_parent ON resources(parent, kind, sequence);
  CREATE INDEX resources_by_kind ON resources(kind, sequence);

  CREATE INDEX resources_deleting ON resources(sequence) WHERE deleting = 1;

  CREATE TABLE secrets (
    owner TEXT NOT NULL,
    path TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (owner, path)
  ) STRICT;

  CREATE TABLE operations (
    id TEXT PRIMARY KEY,
    action TEXT NOT NULL,
    resource TEXT NOT NULL,
    reference TEXT NOT NULL,
    location TEXT NOT NULL,
    status TEXT NOT NULL,
    started TEXT NOT NULL,
    ended TEXT,
    error TEXT
  ) STRICT;
  CREATE INDEX operations_in_progress ON operations(resource) WHERE status = 'InProgress';

  CREATE TABLE queue (
    job TEXT PRIMARY KEY REFERENCES resources(key) ON DELETE CASCADE,
    cluster TEXT NOT NULL,
    priority TEXT,
    sequence INTEGER NOT NULL,
    node_count INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX queue_by_cluster ON queue(cluster);

  CREATE TABLE nodes (
    id TEXT PRIMARY KEY,
    cluster TEXT NOT NULL REFERENCES resources(key) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    state TEXT NOT NULL,
    job TEXT,
    idle_since TEXT
  ) STRICT;
  CREATE INDEX nodes_by_cluster ON nodes(cluster, number);

  CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    owner TEXT NOT NULL,
    nodes TEXT NOT NULL,
    handle TEXT NOT NULL,
    outputs TEXT NOT NULL,
    deadline TEXT,
    stop_reason TEXT,
    ended TEXT
  ) STRICT;
  CREATE INDEX runs_by_owner ON runs(owner);
  CREATE INDEX runs_alive ON runs(id) WHERE ended IS NULL;
  `,
  `
  -- The machine behind each node. gpus: JSON list of index and uuid. A memory of 0 means that nothing is known yet.
  ALTER TABLE nodes ADD COLUMN address TEXT DEFAULT '127.0.0.1';
  ALTER TABLE nodes ADD COLUMN cores INTEGER NOT NULL DEFAULT 1;
  ALTER TABLE nodes ADD COLUMN memory INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE nodes ADD COLUMN gpus TEXT NOT NULL DEFAULT '[]';

  -- A run is stored when it gets its nodes, and has a handle from right before its start on. waiting: why its engine
  -- has not started it yet, NULL if it has. addresses: JSON list, of engines that decide them at the start.
  ALTER TABLE runs RENAME TO runs_1;
  CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    owner TEXT NOT NULL,
    nodes TEXT NOT NULL,
    handle TEXT,
    outputs TEXT NOT NULL,
    waiting TEXT,
    addresses TEXT NOT NULL DEFAULT '[]',
    deadline TEXT,
    stop_reason TEXT,
    ended TEXT
  ) STRICT;
  INSERT INTO runs (id, kind, owner, nodes, handle, outputs, deadline, stop_reason, ended)
    SELECT id, kind, owner, nodes, handle, outputs, deadline, stop_reason, ended FROM runs_1 ORDER BY rowid;
  DROP TABLE runs_1;
  CREATE INDEX runs_by_owner ON runs(owner);
  CREATE INDEX runs_alive ON runs(id) WHERE ended IS NULL;
  `,
  `
  -- Times that durations are computed from are milliseconds of the service's steady clock (clock.ts). It starts with the
  -- wall time of its first start, so the wall times that earlier versions stored can be converted here.
  ALTER TABLE nodes ADD COLUMN idle_from INTEGER;
  UPDATE nodes SET idle_from = CAST(unixepoch(idle_since, 'subsec') * 1000 AS INTEGER);
  ALTER TABLE nodes DROP COLUMN idle_since;
  CREATE INDEX nodes_by_state ON nodes(cluster, state, number);
  CREATE INDEX nodes_by_job ON nodes(job) WHERE job IS NOT NULL;

  ALTER TABLE runs ADD COLUMN stored INTEGER;
  ALTER TABLE runs ADD COLUMN time_up INTEGER;
  UPDATE runs SET time_up = CAST(unixepoch(deadline, 'subsec') * 1000 AS INTEGER);
  ALTER TABLE runs DROP COLUMN deadline;
  CREATE INDEX runs_by_time_up ON runs(time_up) WHERE ended IS NULL AND stop_reason IS NULL AND time_up IS NOT NULL;
  CREATE INDEX runs_to_stop ON runs(id) WHERE ended IS NULL AND stop_reason IS NOT NULL;

  ALTER TABLE operations ADD COLUMN kept_from INTEGER;
  UPDATE operations SET kept_from = CAST(unixepoch(ended, 'subsec') * 1000 AS INTEGER);
  CREATE INDEX operations_by_age ON operations(kept_from) WHERE kept_from IS NOT NULL;

  -- Smaller ranks are first. Within one cluster and node count, the index has the order in which jobs start.
  ALTER TABLE queue ADD COLUMN rank INTEGER NOT NULL DEFAULT 1;
  UPDATE queue SET rank = CASE priority WHEN 'high' THEN 0 WHEN 'low' THEN 2 ELSE 1 END;
  ALTER TABLE queue DROP COLUMN priority;
  DROP INDEX queue_by_cluster;
  CREATE INDEX queue_in_order ON queue(cluster, node_count, rank, sequence);
  `,
  `
  -- The jobs of a cluster in the order in which they start, with what their positions depend on.
  CREATE INDEX queue_by_rank ON queue(cluster, rank, sequence, node_count);
  `,
  `
  -- GPUs belong to runs. gpus: JSON object with a list of GPUs for each node ID, NULL if the run has none.
  ALTER TABLE nodes DROP COLUMN gpus;
  ALTER TABLE runs ADD COLUMN gpus TEXT;
  CREATE INDEX runs_with_gpus ON runs(id) WHERE ended IS NULL AND gpus IS NOT NULL;
  `,
  `
  -- faults: how many runs of the same owner, this one included, a fault of a node has ended.
  ALTER TABLE runs ADD COLUMN faults INTEGER NOT NULL DEFAULT 0;
  `,
];
