import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { sqliteCode } from "./sqliteErrors.ts";

/** What SQLite answers when somebody else holds the lock (SQLITE_BUSY). */
const busy = 5;

/**
 * Keeps a second service off a data folder. The lock is SQLite's own lock on an empty database: the operating system
 * drops it with the process, so no crash leaves a stale one behind.
 */
export class DataFolderLock {
  readonly #connection: DatabaseSync;

  private constructor(connection: DatabaseSync) {
    this.#connection = connection;
  }

  /**
   * Takes the lock `fileName` in a data folder, which exists.
   *
   * @throws Error when another service holds the folder, or nothing can be written there.
   */
  static take(dataDir: string, fileName = "lock"): DataFolderLock {
    let connection: DatabaseSync | undefined;
    try {
      connection = new DatabaseSync(join(dataDir, fileName), { timeout: 0 });
      connection.exec("BEGIN EXCLUSIVE");
      return new DataFolderLock(connection);
    } catch (error) {
      connection?.close();
      if (sqliteCode(error) === busy) {
        throw new Error(
          `Another batchai service is using the data folder ${dataDir}. Stop it, or choose another folder.`,
        );
      }
      throw new Error(`The data folder ${dataDir} cannot be used: ${describe(error)} (${join(dataDir, fileName)}).`);
    }
  }

  /** Lets others take the folder. */
  release(): void {
    this.#connection.close();
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
