import type { SqliteFile, SqlRow } from "../../ground/sqlite.ts";
import type { SteadyClock } from "./clock.ts";
import { optionalNumber, optionalText, text } from "./columns.ts";
import type { NodeMachine } from "../nodes/machine.ts";
import type { Settings } from "./settings.ts";

/** State of a node. A `leaving` node that still has a job is removed when the job has ended. */
export type NodeState = "preparing" | "idle" | "running" | "unusable" | "leaving";

/** A node of a cluster. */
export interface Node {
  readonly id: string;
  /** Key of its cluster. */
  readonly cluster: string;
  /** Counts from 1 over the life of the cluster. */
  readonly number: number;
  readonly state: NodeState;
  /** Key of the job that occupies it. */
  readonly job: string | undefined;
  /** Time since which it has been idle, on the steady clock. */
  readonly idleFrom: number | undefined;
  readonly machine: NodeMachine;
}

/** Number of nodes of a cluster in each state. */
export type NodeCounts = Readonly<Record<NodeState, number>>;

const noNodes: NodeCounts = { preparing: 0, idle: 0, running: 0, unusable: 0, leaving: 0 };

/** The nodes of all clusters. */
export class Nodes {
  readonly #database: SqliteFile;
  readonly #settings: Settings;
  readonly #clock: SteadyClock;

  constructor(database: SqliteFile, settings: Settings, clock: SteadyClock) {
    this.#database = database;
    this.#settings = settings;
    this.#clock = clock;
  }

  find(id: string): Node | undefined {
    const row = this.#database.get("SELECT * FROM nodes WHERE id = ?", id);
    return row && nodeOf(row);
  }

  /** Returns the IDs of all nodes. */
  ids(): string[] {
    return this.#database.all("SELECT id FROM nodes").map((row) => text(row, "id"));
  }

  ofCluster(clusterKey: string): Node[] {
    return this.#database.all("SELECT * FROM nodes WHERE cluster = ? ORDER BY number", clusterKey).map(nodeOf);
  }

  /** Returns how many nodes of a cluster are in each state. */
  countsOf(clusterKey: string): NodeCounts {
    const rows = this.#database.all(
      "SELECT state, count(*) AS count FROM nodes WHERE cluster = ? GROUP BY state",
      clusterKey,
    );
    return { ...noNodes, ...Object.fromEntries(rows.map((row) => [text(row, "state"), Number(row.count)])) };
  }

  /** Returns how many nodes each cluster has, by the key of the cluster. A cluster without nodes is absent. */
  countByCluster(): Map<string, number> {
    const rows = this.#database.all("SELECT cluster, count(*) AS count FROM nodes GROUP BY cluster");
    return new Map(rows.map((row) => [text(row, "cluster"), Number(row.count)]));
  }

  /** Returns idle nodes of a cluster, those with the smallest numbers first. */
  idle(clusterKey: string, limit: number): Node[] {
    const sql = "SELECT * FROM nodes WHERE cluster = ? AND state = 'idle' ORDER BY number LIMIT ?";
    return this.#database.all(sql, clusterKey, limit).map(nodeOf);
  }

  /** Returns how many nodes of a cluster have been idle since before a time on the steady clock. */
  countIdleSince(clusterKey: string, time: number): number {
    const sql = "SELECT count(*) AS count FROM nodes WHERE cluster = ? AND state = 'idle' AND idle_from <= ?";
    return Number(this.#database.get(sql, clusterKey, time)?.count ?? 0);
  }

  /** Returns since when a node of a cluster has been idle: the earliest such time after another one. */
  firstIdleAfter(clusterKey: string, time: number): number | undefined {
    const sql = "SELECT min(idle_from) AS first FROM nodes WHERE cluster = ? AND state = 'idle' AND idle_from > ?";
    const row = this.#database.get(sql, clusterKey, time);
    return row && optionalNumber(row, "first");
  }

  /** Returns the nodes of a cluster that are to be set up and have no active run. */
  toSetUp(clusterKey: string): Node[] {
    return this.#withoutRun(clusterKey, "preparing");
  }

  /** Returns the nodes of a cluster that leave and that nothing uses. */
  left(clusterKey: string): Node[] {
    return this.#withoutRun(clusterKey, "leaving").filter((node) => node.job === undefined);
  }

  /** Returns how many nodes of a cluster have a job whose engine has not told their addresses yet. */
  countWithoutAddress(clusterKey: string): number {
    const row = this.#database.get(
      `SELECT count(*) AS count FROM nodes JOIN runs ON runs.owner = nodes.job AND runs.ended IS NULL
       WHERE nodes.cluster = ? AND nodes.state = 'running' AND runs.addresses = '[]'`,
      clusterKey,
    );
    return Number(row?.count ?? 0);
  }

  /** The number that the next node of a cluster gets; numbers of nodes that have left are not used again. */
  nextNumber(clusterKey: string): number {
    const number = Number(this.#settings.get(lastNumberOf(clusterKey)) ?? 0) + 1;
    this.#settings.set(lastNumberOf(clusterKey), String(number));
    return number;
  }

  /** Whether a cluster has had a node at any time. */
  hadAny(clusterKey: string): boolean {
    return this.#settings.get(lastNumberOf(clusterKey)) !== undefined;
  }

  /** Removes the node numbers of a deleted cluster. */
  forget(clusterKey: string): void {
    this.#settings.remove(lastNumberOf(clusterKey));
  }

  insert(node: Pick<Node, "id" | "cluster" | "number" | "machine">): void {
    this.#database.run(
      "INSERT INTO nodes (id, cluster, number, state) VALUES (?, ?, ?, 'preparing')",
      node.id,
      node.cluster,
      node.number,
    );
    this.setMachine(node.id, node.machine);
  }

  /** Stores the machine behind nodes that an earlier version created without it. */
  describeUnknown({ cores, memoryInBytes }: NodeMachine): void {
    this.#database.run("UPDATE nodes SET cores = ?, memory = ? WHERE memory = 0", cores, memoryInBytes);
  }

  /** Stores the machine behind a node. */
  setMachine(id: string, { address, cores, memoryInBytes }: NodeMachine): void {
    this.#database.run(
      "UPDATE nodes SET address = ?, cores = ?, memory = ? WHERE id = ?",
      address ?? null,
      cores,
      memoryInBytes,
      id,
    );
  }

  setState(id: string, state: NodeState): void {
    const idleFrom = state === "idle" ? this.#clock.now() : null;
    this.#database.run("UPDATE nodes SET state = ?, idle_from = ? WHERE id = ?", state, idleFrom, id);
  }

  /** Gives a node to a job. */
  occupy(id: string, jobKey: string): void {
    this.#database.run("UPDATE nodes SET state = 'running', job = ?, idle_from = NULL WHERE id = ?", jobKey, id);
  }

  /** Releases the nodes of a job: a leaving node remains so, any other becomes idle. */
  release(jobKey: string): void {
    this.#database.run(
      `UPDATE nodes SET job = NULL,
         idle_from = CASE state WHEN 'leaving' THEN NULL ELSE ? END,
         state = CASE state WHEN 'leaving' THEN 'leaving' ELSE 'idle' END
       WHERE job = ?`,
      this.#clock.now(),
      jobKey,
    );
  }

  remove(id: string): void {
    this.#database.run("DELETE FROM nodes WHERE id = ?", id);
  }

  #withoutRun(clusterKey: string, state: NodeState): Node[] {
    const sql = `SELECT * FROM nodes WHERE cluster = ? AND state = ?
      AND NOT EXISTS (SELECT 1 FROM runs WHERE owner = nodes.id AND ended IS NULL) ORDER BY number`;
    return this.#database.all(sql, clusterKey, state).map(nodeOf);
  }
}

function lastNumberOf(clusterKey: string): string {
  return `last node of ${clusterKey}`;
}

function machineIn(row: SqlRow): NodeMachine {
  const address = optionalText(row, "address");
  return {
    ...(address === undefined ? {} : { address }),
    cores: Number(row.cores),
    memoryInBytes: Number(row.memory),
  };
}

function nodeOf(row: SqlRow): Node {
  return {
    id: text(row, "id"),
    cluster: text(row, "cluster"),
    number: Number(row.number),
    state: text(row, "state") as NodeState,
    job: optionalText(row, "job"),
    idleFrom: optionalNumber(row, "idle_from"),
    machine: machineIn(row),
  };
}
