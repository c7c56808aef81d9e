import type { SqliteFile } from "../../ground/sqlite.ts";
import { optionalText, text } from "./columns.ts";

/** A job that waits for nodes of a cluster. */
export interface QueueEntry {
  /** Key of the job. */
  readonly job: string;
  /** Key of the cluster; it may have been deleted. */
  readonly cluster: string;
  readonly priority: string | undefined;
  /** Order of creation of the job. */
  readonly sequence: number;
  readonly nodeCount: number;
}

/** The jobs that wait for nodes. A job is in the queue exactly while its execution state is `queued`. */
export class Queue {
  readonly #database: SqliteFile;

  constructor(database: SqliteFile) {
    this.#database = database;
  }

  ofCluster(clusterKey: string): QueueEntry[] {
    return this.#database.all("SELECT * FROM queue WHERE cluster = ?", clusterKey).map((row) => ({
      job: text(row, "job"),
      cluster: text(row, "cluster"),
      priority: optionalText(row, "priority"),
      sequence: Number(row.sequence),
      nodeCount: Number(row.node_count),
    }));
  }

  add(entry: QueueEntry): void {
    this.#database.run(
      "INSERT OR REPLACE INTO queue (job, cluster, priority, sequence, node_count) VALUES (?, ?, ?, ?, ?)",
      entry.job,
      entry.cluster,
      entry.priority ?? null,
      entry.sequence,
      entry.nodeCount,
    );
  }

  remove(jobKey: string): void {
    this.#database.run("DELETE FROM queue WHERE job = ?", jobKey);
  }
}
