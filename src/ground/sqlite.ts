import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { migrations } from "../service/state/migrations.ts";

/** A value that SQLite stores. */
export type SqlValue = string | number | bigint | null | Uint8Array;

/** One row as SQLite answers it. */
export type SqlRow = Record<string, SqlValue>;

/**
 * The service's one SQLite file. Commits are durable (`synchronous=FULL`): what was acknowledged survives a crash. The
 * interface is synchronous, so a transaction can never be interleaved with another request of this process.
 */
export class Database {
  readonly #connection: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #depth = 0;

  private constructor(connection: DatabaseSync) {
    this.#connection = connection;
  }

  /**
   * Opens `batchai.db` in the data folder and brings its tables up to date.
   * @throws Error when a newer version of the service wrote it.
   */
  static open(dataDir: string): Database {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const file = join(dataDir, "batchai.db");
    const connection = new DatabaseSync(file);
    connection.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;");
    const database = new Database(connection);
    database.#migrate(file);
    return database;
  }

  /** Runs a statement that changes something; answers how many rows it changed. */
  run(sql: string, ...values: SqlValue[]): number {
    return Number(this.#prepare(sql).run(...values).changes);
  }

  /** The first row of a query, or undefined. */
  get(sql: string, ...values: SqlValue[]): SqlRow | undefined {
    return this.#prepare(sql).get(...values);
  }

  /** All rows of a query. */
  all(sql: string, ...values: SqlValue[]): SqlRow[] {
    return this.#prepare(sql).all(...values);
  }

  /** Everything that `work` writes is committed together, or not at all. An inner transaction joins the outer one. */
  transaction<T>(work: () => T): T {
    if (this.#depth > 0) return work();
    this.#connection.exec("BEGIN IMMEDIATE");
    this.#depth++;
    try {
      const result = work();
      this.#connection.exec("COMMIT");
      return result;
    } catch (error) {
      if (this.#connection.isTransaction) this.#connection.exec("ROLLBACK");
      throw error;
    } finally {
      this.#depth--;
    }
  }

  close(): void {
    this.#statements.clear();
    this.#connection.close();
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#connection.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #migrate(file: string): void {
    const found = Number(this.get("PRAGMA user_version")?.user_version ?? 0);
    if (found > migrations.length) {
      this.close();
      throw new Error(
        `${file} was written by a newer version of batchai (schema ${String(found)}, this one knows ` +
          `${String(migrations.length)}). Use that version, or another data folder.`,
      );
    }
    migrations.slice(found).forEach((sql, index) => {
      this.transaction(() => {
        this.#connection.exec(sql);
        this.#connection.exec(`PRAGMA user_version = ${String(found + index + 1)}`);
      });
    });
  }
}

/** A column that always holds text. */
export function text(row: SqlRow, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw new TypeError(`column ${column} holds no text`);
  return value;
}

/** A column that holds text or NULL. */
export function optionalText(row: SqlRow, column: string): string | undefined {
  return row[column] === null ? undefined : text(row, column);
}

/** A column that holds a time or NULL. */
export function optionalDate(row: SqlRow, column: string): Date | undefined {
  const time = optionalText(row, column);
  return time === undefined ? undefined : new Date(time);
}
