import type { SqliteFile, SqlRow } from "../../ground/sqlite.ts";
import { optionalDate, optionalText, text } from "./columns.ts";
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
  /** Since when it has been idle. */
  readonly idleSince: Date | undefined;
  readonly machine: NodeMachine;
}

/** The nodes of all clusters. */
export class Nodes {
  readonly #database: SqliteFile;
  readonly #settings: Settings;

  constructor(database: SqliteFile, settings: Settings) {
    this.#database = database;
    this.#settings = settings;
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
  setMachine(id: string, { address, cores, memoryInBytes, gpus }: NodeMachine): void {
    this.#database.run(
      "UPDATE nodes SET address = ?, cores = ?, memory = ?, gpus = ? WHERE id = ?",
      address ?? null,
      cores,
      memoryInBytes,
      JSON.stringify(gpus),
      id,
    );
  }

  setState(id: string, state: NodeState): void {
    const idleSince = state === "idle" ? new Date().toISOString() : null;
    this.#database.run("UPDATE nodes SET state = ?, idle_since = ? WHERE id = ?", state, idleSince, id);
  }

  /** Gives a node to a job. */
  occupy(id: string, jobKey: string): void {
    this.#database.run("UPDATE nodes SET state = 'running', job = ?, idle_since = NULL WHERE id = ?", jobKey, id);
  }

  /** Releases the nodes of a job: a leaving node remains so, any other becomes idle. */
  release(jobKey: string): void {
    const idleSince = new Date().toISOString();
    this.#database.run(
      `UPDATE nodes SET job = NULL,
         idle_since = CASE state WHEN 'leaving' THEN NULL ELSE ? END,
         state = CASE state WHEN 'leaving' THEN 'leaving' ELSE 'idle' END
       WHERE job = ?`,
      idleSince,
      jobKey,
    );
  }

  remove(id: string): void {
    this.#database.run("DELETE FROM nodes WHERE id = ?", id);
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
    gpus: JSON.parse(text(row, "gpus")) as NodeMachine["gpus"],
  };
}

function nodeOf(row: SqlRow): Node {
  return {
    id: text(row, "id"),
    cluster: text(row, "cluster"),
    number: Number(row.number),
    state: text(row, "state") as NodeState,
    job: optionalText(row, "job"),
    idleSince: optionalDate(row, "idle_since"),
    machine: machineIn(row),
  };
}
