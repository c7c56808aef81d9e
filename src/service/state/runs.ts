import type { RunHandle } from "../engines/engine.ts";
import type { SqliteFile, SqlRow } from "../../ground/sqlite.ts";
import { optionalDate, optionalText, text } from "./columns.ts";

/** Why the service ended a run that would have gone on. */
export type StopReason = "terminated" | "deleted" | "timedOut" | "requeued" | "nodeRemoved" | "clusterDeleted";

/** Where an output directory of a job lies. */
export interface OutputLocation {
  /** Absolute path on this machine. */
  readonly path: string;
  /** The file share that holds it; absent when it lies on none, and then its files cannot be listed. */
  readonly share?: { readonly accountName: string; readonly shareName: string; readonly path: string };
}

/** One attempt to run a job, or the set-up task of a node. Stored before it starts, so that a restart finds it. */
export interface Run {
  readonly id: string;
  readonly kind: "job" | "setupTask";
  /** Key of the job, or id of the node. */
  readonly owner: string;
  readonly nodes: readonly string[];
  readonly handle: RunHandle;
  /** By output directory id. */
  readonly outputs: Readonly<Record<string, OutputLocation>>;
  /** When it has used up its time; undefined: never. */
  readonly deadline: Date | undefined;
  readonly stopReason: StopReason | undefined;
  readonly ended: boolean;
}

/** The runs of the service. The last run of a job is kept as long as the job. */
export class Runs {
  readonly #database: SqliteFile;

  constructor(database: SqliteFile) {
    this.#database = database;
  }

  insert(run: Pick<Run, "id" | "kind" | "owner" | "nodes" | "handle" | "outputs" | "deadline">): Run {
    this.#database.run("DELETE FROM runs WHERE owner = ? AND ended IS NOT NULL", run.owner);
    this.#database.run(
      "INSERT INTO runs (id, kind, owner, nodes, handle, outputs, deadline) VALUES (?, ?, ?, ?, ?, ?, ?)",
      run.id,
      run.kind,
      run.owner,
      JSON.stringify(run.nodes),
      JSON.stringify(run.handle),
      JSON.stringify(run.outputs),
      run.deadline?.toISOString() ?? null,
    );
    return { ...run, stopReason: undefined, ended: false };
  }

  find(id: string): Run | undefined {
    const row = this.#database.get("SELECT * FROM runs WHERE id = ?", id);
    return row && runOf(row);
  }

  /** The latest run of a job or node. */
  latest(owner: string): Run | undefined {
    const row = this.#database.get("SELECT * FROM runs WHERE owner = ? ORDER BY rowid DESC LIMIT 1", owner);
    return row && runOf(row);
  }

  /** The run of a job or node that has not ended. */
  alive(owner: string): Run | undefined {
    const row = this.#database.get("SELECT * FROM runs WHERE owner = ? AND ended IS NULL", owner);
    return row && runOf(row);
  }

  allAlive(): Run[] {
    return this.#database.all("SELECT * FROM runs WHERE ended IS NULL").map(runOf);
  }

  /** Asks for the end of the runs that have used up their time. */
  stopOverdue(now: Date): void {
    this.#database.run(
      "UPDATE runs SET stop_reason = 'timedOut' WHERE ended IS NULL AND stop_reason IS NULL AND deadline <= ?",
      now.toISOString(),
    );
  }

  /** When the next run will have used up its time. */
  nextDeadline(): Date | undefined {
    const row = this.#database.get(
      "SELECT min(deadline) AS deadline FROM runs WHERE ended IS NULL AND stop_reason IS NULL",
    );
    return row && optionalDate(row, "deadline");
  }

  /** Notes why a run is to be ended. The first reason counts; but any overrules another try, and deletion all others. */
  requestStop(id: string, reason: StopReason): void {
    this.#database.run(
      `UPDATE runs SET stop_reason = ?1
       WHERE id = ?2 AND ended IS NULL AND (coalesce(stop_reason, 'requeued') = 'requeued' OR ?1 = 'deleted')`,
      reason,
      id,
    );
  }

  end(id: string): void {
    this.#database.run("UPDATE runs SET ended = ? WHERE id = ?", new Date().toISOString(), id);
  }

  removeOf(owner: string): void {
    this.#database.run("DELETE FROM runs WHERE owner = ?", owner);
  }
}

function runOf(row: SqlRow): Run {
  return {
    id: text(row, "id"),
    kind: text(row, "kind") as Run["kind"],
    owner: text(row, "owner"),
    nodes: JSON.parse(text(row, "nodes")) as string[],
    handle: JSON.parse(text(row, "handle")) as RunHandle,
    outputs: JSON.parse(text(row, "outputs")) as Run["outputs"],
    deadline: optionalDate(row, "deadline"),
    stopReason: optionalText(row, "stop_reason") as StopReason | undefined,
    ended: row.ended !== null,
  };
}
