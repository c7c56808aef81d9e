import type { DatabaseSync } from "node:sqlite";

/** All that `change` does, or nothing of it. */
export function inTransaction(database: DatabaseSync, change: () => void): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    change();
    database.exec("COMMIT");
  } catch (error) {
    rollBack(database);
    throw error;
  }
}

/** On a full disk SQLite has rolled back by itself; what is to be told is why, and not that there is nothing left to do. */
function rollBack(database: DatabaseSync): void {
  try {
    database.exec("ROLLBACK");
  } catch {
    // Nothing is left of the change.
  }
}
