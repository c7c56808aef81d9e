import type { SqliteFile } from "../../ground/sqlite.ts";
import { text } from "./columns.ts";

/** The statements after which the scheduler has to look at a cluster again. Each names that cluster. */
const triggers = [
  ["INSERT ON main.resources WHEN new.kind = 'clusters'", "VALUES (new.key)"],
  ["UPDATE ON main.resources WHEN new.kind = 'clusters'", "VALUES (new.key)"],
  ["INSERT ON main.queue", "VALUES (new.cluster)"],
  ["DELETE ON main.queue", "VALUES (old.cluster)"],
  ["INSERT ON main.nodes", "VALUES (new.cluster)"],
  ["UPDATE OF state, job ON main.nodes", "VALUES (new.cluster)"],
  ["DELETE ON main.nodes", "VALUES (old.cluster)"],
  ["UPDATE OF ended ON main.runs WHEN new.kind = 'setupTask'", "SELECT cluster FROM nodes WHERE id = new.owner"],
] as const;

/**
 * The clusters that have changed since the scheduler last looked at them. SQLite notes them by triggers, in memory: no
 * change can be forgotten, and a transaction that is rolled back leaves the notes as they were. At first all clusters
 * count as changed.
 */
export class ChangedClusters {
  readonly #database: SqliteFile;

  constructor(database: SqliteFile) {
    this.#database = database;
    database.run("CREATE TEMP TABLE changed_clusters (cluster TEXT PRIMARY KEY) STRICT, WITHOUT ROWID");
    this.addAll();
    triggers.forEach(([event, clusters], index) => {
      database.run(
        `CREATE TEMP TRIGGER changed_${String(index)} AFTER ${event}
         BEGIN INSERT OR IGNORE INTO changed_clusters ${clusters}; END`,
      );
    });
  }

  /** Notes all clusters, because something outside of the store has changed. */
  addAll(): void {
    this.#database.run("INSERT OR IGNORE INTO changed_clusters SELECT key FROM resources WHERE kind = 'clusters'");
  }

  /** Returns the keys of the clusters. A cluster may have been deleted in the meantime. */
  keys(): string[] {
    return this.#database.all("SELECT cluster FROM changed_clusters").map((row) => text(row, "cluster"));
  }

  /** Removes a cluster that the scheduler has looked at. */
  remove(clusterKey: string): void {
    this.#database.run("DELETE FROM changed_clusters WHERE cluster = ?", clusterKey);
  }
}
