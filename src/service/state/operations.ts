import { randomUUID } from "node:crypto";
import { referenceOf } from "../../wire/resourceIds.ts";
import type { SqliteFile, SqlRow } from "../../ground/sqlite.ts";
import type { SteadyClock } from "./clock.ts";
import { optionalDate, text } from "./columns.ts";

/** Kind of an asynchronous operation. */
export type OperationAction = "create" | "delete" | "terminate";

/** An asynchronous operation as ARM shows it. */
export interface Operation {
  readonly id: string;
  readonly action: OperationAction;
  readonly status: "InProgress" | "Succeeded";
  /** The names in the id of the resource, joined by `$`. */
  readonly reference: string;
  /** Region that its address names. */
  readonly location: string;
  readonly started: Date;
  readonly ended: Date | undefined;
}

const keptForInMs = 24 * 60 * 60 * 1000;

/** The asynchronous operations of the service. They outlive the resource that they were about. */
export class Operations {
  readonly #database: SqliteFile;
  readonly #clock: SteadyClock;

  constructor(database: SqliteFile, clock: SteadyClock) {
    this.#database = database;
    this.#clock = clock;
  }

  find(id: string): Operation | undefined {
    const row = this.#database.get("SELECT * FROM operations WHERE id = ?", id.toLowerCase());
    return row && operationOf(row);
  }

  /** Begins an operation on the resource with this ARM id. */
  begin(action: OperationAction, resourceId: string, location: string): Operation {
    return this.#insert(action, resourceId, location, "InProgress");
  }

  /** An operation that ended as soon as it began. */
  record(action: OperationAction, resourceId: string, location: string): Operation {
    return this.#insert(action, resourceId, location, "Succeeded");
  }

  /** Ends every operation in progress on a resource, or those of one kind. */
  succeed(resourceKey: string, action?: OperationAction): void {
    this.#database.run(
      `UPDATE operations SET status = 'Succeeded', ended = ?, kept_from = ?
       WHERE resource = ? AND status = 'InProgress' AND action = coalesce(?, action)`,
      new Date().toISOString(),
      this.#clock.now(),
      resourceKey,
      action ?? null,
    );
  }

  /** Removes operations that ended more than a day ago, up to a limit. Returns how many it removed. */
  prune(limit: number): number {
    return this.#database.run(
      `DELETE FROM operations WHERE rowid IN
         (SELECT rowid FROM operations WHERE kept_from < ? ORDER BY kept_from LIMIT ?)`,
      this.#clock.now() - keptForInMs,
      limit,
    );
  }

  #insert(action: OperationAction, resourceId: string, location: string, status: Operation["status"]): Operation {
    const started = new Date();
    const ended = status === "InProgress" ? undefined : started;
    const operation = {
      id: randomUUID(),
      action,
      status,
      reference: referenceOf(resourceId),
      location,
      started,
      ended,
    };
    this.#database.run(
      `INSERT INTO operations (id, action, resource, reference, location, status, started, ended, kept_from)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      operation.id,
      action,
      resourceId.toLowerCase(),
      operation.reference,
      location,
      status,
      started.toISOString(),
      ended?.toISOString() ?? null,
      ended ? this.#clock.now() : null,
    );
    return operation;
  }
}

function operationOf(row: SqlRow): Operation {
  return {
    id: text(row, "id"),
    action: text(row, "action") as OperationAction,
    status: text(row, "status") as Operation["status"],
    reference: text(row, "reference"),
    location: text(row, "location"),
    started: new Date(text(row, "started")),
    ended: optionalDate(row, "ended"),
  };
}
