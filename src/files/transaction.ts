import type { DatabaseSync } from "node:sqlite";

/** All that `change` does, or nothing of it. */
export function inTransaction(database: DatabaseSync, change: () => void): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    change();
    database.exec("COMMIT");
  } catch (error) {
    database.exec("ROLLBACK");
    throw error;
  }
}
