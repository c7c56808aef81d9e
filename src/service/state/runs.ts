import type { LaunchGpu, RunHandle } from "../engines/engine.ts";
import type { SqliteFile, SqlRow } from "../../ground/sqlite.ts";
import type { SteadyClock } from "./clock.ts";
import { optionalNumber, optionalText, text } from "./columns.ts";

/** Reason why the service stopped a run. */
export type StopReason = "terminated" | "deleted" | "timedOut" | "requeued" | "nodeRemoved" | "clusterDeleted";

/** Place of an output directory of a job. */
export interface OutputLocation {
  /** Absolute path on this machine. */
  readonly path: string;
  /** The place on a file share of the service. */
  readonly share?: { readonly accountName: string; readonly shareName: string; readonly path: string };
  /** The place in a blob container of another account. If it is on neither, the API cannot list its files. */
  readonly container?: { readonly accountName: string; readonly containerName: string; readonly path: string };
}

/** The GPUs of a run by node ID, in the order in which the node numbers them. Empty: none. */
export type RunGpus = Readonly<Record<string, readonly LaunchGpu[]>>;

/** One attempt to run a job or to set a node up. Stored before anything else happens, so a restart finds it. */
export interface Run {
  readonly id: string;
  readonly kind: "job" | "setupTask";
  /** Key of the job, or id of the node. */
  readonly owner: string;
  readonly nodes: readonly string[];
  /** GPUs that it holds until it has ended. */
  readonly gpus: RunGpus;
  /** Absent until right before the start: without it the run has never started. */
  readonly handle: RunHandle | undefined;
  /** By output directory ID; empty until the run has its handle. */
  readonly outputs: Readonly<Record<string, OutputLocation>>;
  /** Reason why its engine has not started it yet; undefined if the engine has started it, or gave no reason. */
  readonly waiting: string | undefined;
  /** Addresses of its nodes in their order, if its engine decided them; else empty. */
  readonly addresses: readonly string[];
  /** Time on the steady clock when its time is up; undefined: never. */
  readonly deadline: number | undefined;
  readonly stopReason: StopReason | undefined;
  readonly ended: boolean;
}

/** The runs of the service. The last run of a job is kept as long as the job. */
export class Runs {
  readonly #database: SqliteFile;
  readonly #clock: SteadyClock;

  constructor(database: SqliteFile, clock: SteadyClock) {
    this.#database = database;
    this.#clock = clock;
  }

  insert(run: Pick<Run, "id" | "kind" | "owner" | "nodes" | "gpus" | "deadline">): Run {
    this.#database.run(
      `INSERT INTO runs (id, kind, owner, nodes, gpus, outputs, stored, time_up, faults)
       VALUES (?, ?, ?, ?, ?, '{}', ?, ?, coalesce((SELECT max(faults) FROM runs WHERE owner = ?), 0))`,
      run.id,
      run.kind,
      run.owner,
      JSON.stringify(run.nodes),
      holdsGpus(run) ? JSON.stringify(run.gpus) : null,
      this.#clock.now(),
      run.deadline ?? null,
      run.owner,
    );
    this.#database.run("DELETE FROM runs WHERE owner = ? AND ended IS NOT NULL", run.owner);
    return {
      ...run,
      handle: undefined,
      outputs: {},
      waiting: undefined,
      addresses: [],
      stopReason: undefined,
      ended: false,
    };
  }

  /** Stores where the output of a run will be, before it starts: what keeps it waiting is written there. */
  setOutputs(id: string, outputs: Run["outputs"]): void {
    this.#database.run("UPDATE runs SET outputs = ? WHERE id = ?", JSON.stringify(outputs), id);
  }

  /** Stores how the engine finds the run again, and where its output is. */
  setHandle(id: string, handle: RunHandle, outputs: Run["outputs"]): void {
    this.#database.run(
      "UPDATE runs SET handle = ?, outputs = ? WHERE id = ?",
      JSON.stringify(handle),
      JSON.stringify(outputs),
      id,
    );
  }

  /** Stores when the time of a run is up. */
  setDeadline(id: string, deadline: Run["deadline"]): void {
    this.#database.run("UPDATE runs SET time_up = ? WHERE id = ?", deadline ?? null, id);
  }

  /** Stores why the engine has not started a run yet. */
  setWaiting(id: string, reason: string): void {
    this.#database.run("UPDATE runs SET waiting = ? WHERE id = ?", reason, id);
  }

  /** Stores that the engine has started a run, at which addresses, and when its time is up. */
  setStarted(id: string, { addresses, deadline }: Pick<Run, "addresses" | "deadline">): void {
    this.#database.run(
      "UPDATE runs SET waiting = NULL, addresses = ?, time_up = ? WHERE id = ?",
      JSON.stringify(addresses),
      deadline ?? null,
      id,
    );
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

  /** Returns the active runs that hold GPUs. */
  allWithGpus(): Run[] {
    return this.#database.all("SELECT * FROM runs WHERE ended IS NULL AND gpus IS NOT NULL").map(runOf);
  }

  /** Returns the IDs of the active runs whose stop has been requested. */
  idsToStop(): string[] {
    return this.#database
      .all("SELECT id FROM runs WHERE ended IS NULL AND stop_reason IS NOT NULL")
      .map((row) => text(row, "id"));
  }

  /** Requests that runs stop whose time is up. */
  stopOverdue(): void {
    this.#database.run(
      "UPDATE runs SET stop_reason = 'timedOut' WHERE ended IS NULL AND stop_reason IS NULL AND time_up <= ?",
      this.#clock.now(),
    );
  }

  /** Returns how long ago an active run was stored, in milliseconds: it has not been running for longer. */
  ageOf(id: string): number {
    const row = this.#database.get("SELECT stored FROM runs WHERE id = ?", id);
    const stored = row && optionalNumber(row, "stored");
    return stored === undefined ? Infinity : this.#clock.now() - stored;
  }

  /** Returns when the time of the next run is up, on the steady clock. */
  nextDeadline(): number | undefined {
    const row = this.#database.get(
      `SELECT min(time_up) AS next FROM runs
       WHERE ended IS NULL AND stop_reason IS NULL AND time_up IS NOT NULL`,
    );
    return row && optionalNumber(row, "next");
  }

  /** Requests that a run stops. The first reason counts; but any reason overrules a requeue, and deletion overrules all. */
  requestStop(id: string, reason: StopReason): void {
    this.#database.run(
      `UPDATE runs SET stop_reason = ?
       WHERE id = ? AND ended IS NULL AND (coalesce(stop_reason, 'requeued') = 'requeued' OR ? = 'deleted')`,
      reason,
      id,
      reason,
    );
  }

  /** Notes that a fault of a node has ended a run. Returns how often that has happened to its job. */
  addFault(id: string): number {
    const row = this.#database.get("UPDATE runs SET faults = faults + 1 WHERE id = ? RETURNING faults", id);
    return Number(row?.faults ?? 0);
  }

  end(id: string): void {
    this.#database.run("UPDATE runs SET ended = ? WHERE id = ?", new Date().toISOString(), id);
  }

  removeOf(owner: string): void {
    this.#database.run("DELETE FROM runs WHERE owner = ?", owner);
  }
}

/** Whether a run has GPUs. */
export function holdsGpus({ gpus }: Pick<Run, "gpus">): boolean {
  return Object.keys(gpus).length > 0;
}

function handleIn(row: SqlRow): RunHandle | undefined {
  const handle = optionalText(row, "handle");
  return handle === undefined ? undefined : (JSON.parse(handle) as RunHandle);
}

function runOf(row: SqlRow): Run {
  return {
    id: text(row, "id"),
    kind: text(row, "kind") as Run["kind"],
    owner: text(row, "owner"),
    nodes: JSON.parse(text(row, "nodes")) as string[],
    gpus: JSON.parse(optionalText(row, "gpus") ?? "{}") as RunGpus,
    handle: handleIn(row),
    outputs: JSON.parse(text(row, "outputs")) as Run["outputs"],
    waiting: optionalText(row, "waiting"),
    addresses: JSON.parse(text(row, "addresses")) as string[],
    deadline: optionalNumber(row, "time_up"),
    stopReason: optionalText(row, "stop_reason") as StopReason | undefined,
    ended: row.ended !== null,
  };
}
