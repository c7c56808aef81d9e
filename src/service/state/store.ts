import { join } from "node:path";
import { SqliteFile } from "../../ground/sqlite.ts";
import { ChangedClusters } from "./changedClusters.ts";
import { SteadyClock } from "./clock.ts";
import { migrations } from "./migrations.ts";
import { Nodes } from "./nodes.ts";
import { Operations } from "./operations.ts";
import { Queue } from "./queue.ts";
import { Resources } from "./resources.ts";
import { Replacements } from "./replacements.ts";
import { Runs } from "./runs.ts";
import { Settings } from "./settings.ts";
import { Vault } from "./vault.ts";
import { createFolder } from "../../ground/createFolder.ts";

/** Everything that the service stores. */
export interface Store {
  readonly settings: Settings;
  readonly resources: Resources;
  readonly operations: Operations;
  readonly queue: Queue;
  readonly nodes: Nodes;
  readonly replacements: Replacements;
  readonly runs: Runs;
  readonly vault: Vault;
  readonly changedClusters: ChangedClusters;
  /** Clock for durations. */
  readonly clock: SteadyClock;
  /** Commits everything that `work` writes together, or nothing of it. */
  transaction<T>(work: () => T): T;
  /** Runs an action once the current transaction is committed, or immediately if there is none. Dropped by a rollback. */
  afterCommit(action: () => void): void;
  close(): void;
}

const remedy = "Restore it from a backup, together with secret.key, or use another data folder.";

/**
 * Opens the store of a data folder.
 * @throws Error if a newer version wrote the folder, if it is damaged, or if its key is missing.
 */
export function openStore(dataDir: string): Store {
  createFolder(dataDir, 0o700);
  const database = new SqliteFile(join(dataDir, "batchai.db"), { migrations, remedy, synchronous: "FULL" });
  const settings = new Settings(database);
  const clock = new SteadyClock(settings);
  return {
    settings,
    resources: new Resources(database),
    operations: new Operations(database, clock),
    queue: new Queue(database),
    nodes: new Nodes(database, settings, clock),
    replacements: new Replacements(settings, clock),
    runs: new Runs(database, clock),
    vault: Vault.open(dataDir, database),
    changedClusters: new ChangedClusters(database),
    clock,
    transaction: (work) => database.transaction(work),
    afterCommit: (action) => {
      database.afterCommit(action);
    },
    close: () => {
      database.close();
    },
  };
}
