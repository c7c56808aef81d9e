import type { SqliteFile, SqlRow } from "../../ground/sqlite.ts";
import { optionalText, text } from "./columns.ts";

/** A job that waits for nodes of a cluster. */
export interface QueueEntry {
  /** Key of the job. */
  readonly job: string;
  readonly nodeCount: number;
  /** Jobs with a smaller rank start first. */
  readonly rank: number;
  /** Order of creation of the job. */
  readonly sequence: number;
}

const ranks = new Map([
  ["high", 0],
  ["normal", 1],
  ["low", 2],
]);

/** Case does not matter. Any other word, which an earlier version accepted, counts as `normal`. */
function rankOf(priority = "normal"): number {
  return ranks.get(priority.toLowerCase()) ?? 1;
}

/** The jobs that wait for nodes. A job is in the queue exactly while its execution state is `queued`. */
export class Queue {
  readonly #database: SqliteFile;

  constructor(database: SqliteFile) {
    this.#database = database;
  }

  /** Returns the keys of the clusters for which jobs wait. */
  clusters(): string[] {
    const keys: string[] = [];
    for (let key = this.#nextCluster(""); key !== undefined; key = this.#nextCluster(key)) keys.push(key);
    return keys;
  }

  /** Returns the keys of all jobs that wait for a cluster. */
  ofCluster(clusterKey: string): string[] {
    return this.#database.all("SELECT job FROM queue WHERE cluster = ?", clusterKey).map((row) => text(row, "job"));
  }

  /** Returns the place of a job in the queue; undefined if it is not in the queue. */
  find(jobKey: string): QueueEntry | undefined {
    const row = this.#database.get("SELECT job, node_count, rank, sequence FROM queue WHERE job = ?", jobKey);
    return row && entryOf(row);
  }

  /** Returns how many jobs of a cluster have a smaller rank, without those that need more nodes than `largest`. */
  countOfSmallerRank(clusterKey: string, rank: number, largest: number): number {
    // The plus sign keeps SQLite from an index that does not have this order.
    const sql = "SELECT count(*) AS count FROM queue WHERE cluster = ? AND rank < ? AND +node_count <= ?";
    return Number(this.#database.get(sql, clusterKey, rank, largest)?.count ?? 0);
  }

  /**
   * Returns how many jobs of a cluster with this rank have a sequence number from `from` to before `to`, without those
   * that need more nodes than `largest`.
   */
  countBetween(clusterKey: string, rank: number, from: number, to: number, largest: number): number {
    const sql = `SELECT count(*) AS count FROM queue
      WHERE cluster = ? AND rank = ? AND sequence >= ? AND sequence < ? AND +node_count <= ?`;
    return Number(this.#database.get(sql, clusterKey, rank, from, to, largest)?.count ?? 0);
  }

  /** Returns the different node counts of the jobs that wait for a cluster, up to a limit. */
  nodeCounts(clusterKey: string, largest: number): number[] {
    const counts: number[] = [];
    for (
      let count = this.#nextNodeCount(clusterKey, 0);
      count <= largest;
      count = this.#nextNodeCount(clusterKey, count)
    ) {
      counts.push(count);
    }
    return counts;
  }

  /** Returns the first of the jobs that wait for a cluster with this node count, or the one that follows another. */
  first(clusterKey: string, nodeCount: number, after?: QueueEntry): QueueEntry | undefined {
    const row = this.#database.get(
      `SELECT job, node_count, rank, sequence FROM queue
       WHERE cluster = ? AND node_count = ? AND (rank, sequence) > (?, ?) ORDER BY rank, sequence LIMIT 1`,
      clusterKey,
      nodeCount,
      after?.rank ?? -1,
      after?.sequence ?? -1,
    );
    return row && entryOf(row);
  }

  /**
   * Returns how many nodes the waiting jobs of a cluster need together, without jobs that are larger than the cluster can
   * become. Stops counting at `largest`, because no cluster gets more nodes than that.
   */
  neededNodeCount(clusterKey: string, largest: number): number {
    const row = this.#database.get(
      `SELECT total(node_count) AS needed FROM
         (SELECT node_count FROM queue WHERE cluster = ? AND node_count <= ? ORDER BY node_count DESC LIMIT ?)`,
      clusterKey,
      largest,
      largest,
    );
    return Math.min(Number(row?.needed ?? 0), largest);
  }

  add(entry: {
    readonly job: string;
    /** Key of the cluster; it may have been deleted. */
    readonly cluster: string;
    readonly priority: string | undefined;
    readonly sequence: number;
    readonly nodeCount: number;
  }): void {
    this.#database.run(
      "INSERT OR REPLACE INTO queue (job, cluster, rank, sequence, node_count) VALUES (?, ?, ?, ?, ?)",
      entry.job,
      entry.cluster,
      rankOf(entry.priority),
      entry.sequence,
      entry.nodeCount,
    );
  }

  remove(jobKey: string): void {
    this.#database.run("DELETE FROM queue WHERE job = ?", jobKey);
  }

  #nextCluster(after: string): string | undefined {
    const row = this.#database.get("SELECT min(cluster) AS next FROM queue WHERE cluster > ?", after);
    return row && optionalText(row, "next");
  }

  #nextNodeCount(clusterKey: string, after: number): number {
    const row = this.#database.get(
      "SELECT min(node_count) AS next FROM queue WHERE cluster = ? AND node_count > ?",
      clusterKey,
      after,
    );
    return typeof row?.next === "number" ? row.next : Infinity;
  }
}

function entryOf(row: SqlRow): QueueEntry {
  return {
    job: text(row, "job"),
    nodeCount: Number(row.node_count),
    rank: Number(row.rank),
    sequence: Number(row.sequence),
  };
}
