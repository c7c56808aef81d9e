import { randomUUID } from "node:crypto";
import { referenceOf } from "../../wire/resourceIds.ts";
import type { SqliteFile, SqlRow } from "../../ground/sqlite.ts";
import { optionalDate, optionalText, text } from "./columns.ts";

/** Kind of an asynchronous operation. */
export type OperationAction = "create" | "delete" | "terminate";

/** An asynchronous operation as ARM shows it. */
export interface Operation {
  readonly id: string;
  readonly action: OperationAction;
  readonly status: "InProgress" | "Succeeded" | "Failed";
  /** The names in the id of the resource, joined by `$`. */
  readonly reference: string;
  /** Region that its address names. */
  readonly location: string;
  readonly started: Date;
  readonly ended: Date | undefined;
  readonly error: { readonly code: string; readonly message: string } | undefined;
}

const keptForInMs = 24 * 60 * 60 * 1000;

/** The asynchronous operations of the service. They outlive the resource that they were about. */
export class Operations {
  readonly #database: SqliteFile;

  constructor(database: SqliteFile) {
    this.#database = database;
  }

  find(id: string): Operation | undefined {
    const row = this.#database.get("SELECT * FROM operations WHERE id = ?", id.toLowerCase());
    return row && operationOf(row);
  }

  /** Begins an operation on the resource with this ARM id. */
  begin(action: OperationAction, resourceId: string, location: string): Operation {
    const id = randomUUID();
    this.#database.run(
      "INSERT INTO operations (id, action, resource, reference, location, status, started) VALUES (?, ?, ?, ?, ?, 'InProgress', ?)",
      id,
      action,
      resourceId.toLowerCase(),
      referenceOf(resourceId),
      location,
      new Date().toISOString(),
    );
    const operation = this.find(id);
    if (!operation) throw new Error(`operation ${id} vanished while it began`);
    return operation;
  }

  /** An operation that ended as soon as it began. */
  record(action: OperationAction, resourceId: string, location: string): Operation {
    const { id, ...begun } = this.begin(action, resourceId, location);
    this.succeed(resourceId.toLowerCase(), action);
    return this.find(id) ?? { id, ...begun };
  }

  /** Ends every operation in progress on a resource, or those of one kind. */
  succeed(resourceKey: string, action?: OperationAction): void {
    this.#database.run(
      "UPDATE operations SET status = 'Succeeded', ended = ? WHERE resource = ? AND status = 'InProgress' AND action = coalesce(?, action)",
      new Date().toISOString(),
      resourceKey,
      action ?? null,
    );
  }

  /** Forgets operations that ended long ago. */
  prune(): void {
    const before = new Date(Date.now() - keptForInMs).toISOString();
    this.#database.run("DELETE FROM operations WHERE status <> 'InProgress' AND ended < ?", before);
  }
}

function operationOf(row: SqlRow): Operation {
  const error = optionalText(row, "error");
  return {
    id: text(row, "id"),
    action: text(row, "action") as OperationAction,
    status: text(row, "status") as Operation["status"],
    reference: text(row, "reference"),
    location: text(row, "location"),
    started: new Date(text(row, "started")),
    ended: optionalDate(row, "ended"),
    error: error === undefined ? undefined : (JSON.parse(error) as { code: string; message: string }),
  };
}
