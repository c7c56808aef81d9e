import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { makePrivateFile } from "./privateFile.ts";
import { sqliteCode } from "./sqliteErrors.ts";
import { reasonOf } from "./systemErrors.ts";

/** Result code of SQLite if another process holds the lock (SQLITE_BUSY). */
const busy = 5;

/**
 * Keeps a second service off a data folder. The lock is SQLite's own lock on an empty database. The operating system
 * releases it when the process ends, so a crash does not leave a stale lock.
 */
export class DataFolderLock {
  readonly #connection: DatabaseSync;

  private constructor(connection: DatabaseSync) {
    this.#connection = connection;
  }

  /**
   * Takes the lock `fileName` in an existing data folder.
   *
   * @throws Error if another service uses the folder, or if it is not writable.
   */
  static take(dataDir: string, fileName = "lock"): DataFolderLock {
    let connection: DatabaseSync | undefined;
    try {
      makePrivateFile(join(dataDir, fileName));
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
      throw new Error(`The data folder ${dataDir} cannot be used: ${reasonOf(error)} (${join(dataDir, fileName)}).`);
    }
  }

  /** Releases the folder for others. */
  release(): void {
    this.#connection.close();
  }
}
