import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/**
 * Keeps a second service off a data folder. The lock is SQLite's own lock on an empty database: the operating system
 * drops it with the process, so no crash leaves a stale one behind.
 */
export class DataFolderLock {
  readonly #connection: DatabaseSync;

  private constructor(connection: DatabaseSync) {
    this.#connection = connection;
  }

  /** @throws Error when another service holds the folder. */
  static take(dataDir: string): DataFolderLock {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const connection = new DatabaseSync(join(dataDir, "lock"), { timeout: 0 });
    try {
      connection.exec("BEGIN EXCLUSIVE");
    } catch {
      connection.close();
      throw new Error(
        `Another batchai service is using the data folder ${dataDir}. Stop it, or choose another folder.`,
      );
    }
    return new DataFolderLock(connection);
  }

  release(): void {
    this.#connection.close();
  }
}
