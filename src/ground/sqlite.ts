import { dirname } from "node:path";
import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from "node:sqlite";
import { accessProblem, makePrivate, makePrivateFile } from "./privateFile.ts";
import { isDamage, isViolation, sqliteCode } from "./sqliteErrors.ts";
import { errorCode, reasonOf } from "./systemErrors.ts";

/** A value that a statement takes. */
export type SqlValue = SQLInputValue;

/** One row of a query. */
export type SqlRow = Readonly<Record<string, SQLOutputValue>>;

/** Options of a {@link SqliteFile}. */
export interface SqliteOptions {
  /** The tables, one entry per version of the schema. */
  readonly migrations: readonly string[];
  /** Advice for the owner of the file if it is damaged: one or two sentences. */
  readonly remedy: string;
  /** `FULL`: every commit survives a power failure. `NORMAL`: only those of {@link SqliteFile.flushed} do. */
  readonly synchronous: "FULL" | "NORMAL";
  /**
   * Time that a statement waits for a lock of another process, in milliseconds. The whole process waits for it.
   * Default: 50.
   */
  readonly timeoutInMs?: number;
}

const defaultTimeoutInMs = 50;
/** SQLite's result code for a ROLLBACK without a transaction (SQLITE_ERROR). */
const noTransaction = 1;

/**
 * An SQLite file in WAL mode, with its tables brought up to date. The interface is synchronous, so no other request of
 * this process can come between two statements of a transaction.
 */
export class SqliteFile {
  /** Whether the file did not exist before. */
  readonly isNew: boolean;
  readonly #path: string;
  readonly #options: SqliteOptions;
  readonly #connection: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #depth = 0;
  /** Error of a statement of the current transaction, after which SQLite may have rolled back by itself. */
  #broken: { readonly error: unknown } | undefined;
  /** Whether a rollback failed, so that its transaction may still be open. */
  #isAbandoned = false;
  readonly #afterCommit: (() => void)[] = [];

  /** @throws Error that names the file if it cannot be opened, is damaged, or a newer version wrote it. */
  constructor(path: string, options: SqliteOptions) {
    this.#path = path;
    this.#options = options;
    try {
      // SQLite gives its other files the mode of the database.
      makePrivateFile(path);
      for (const companion of companionsOf(path)) makePrivate(companion);
      this.#connection = new DatabaseSync(path, { timeout: options.timeoutInMs ?? defaultTimeoutInMs });
    } catch (error) {
      throw this.#explained(error);
    }
    try {
      // Temporary tables and journals are kept in memory, because a file for them takes a descriptor when it is needed.
      this.#connection.exec(
        `PRAGMA journal_mode = WAL; PRAGMA synchronous = ${options.synchronous}; PRAGMA foreign_keys = ON; ` +
          "PRAGMA temp_store = MEMORY;",
      );
      this.isNew = this.#migrate() === 0;
    } catch (error) {
      this.#connection.close();
      throw this.#explained(error);
    }
  }

  /** Runs a statement that changes something. Returns how many rows it changed. */
  run(sql: string, ...values: SqlValue[]): number {
    return this.#carryOut(() => Number(this.#prepare(sql).run(...values).changes));
  }

  /** Returns the first row of a query. */
  get(sql: string, ...values: SqlValue[]): SqlRow | undefined {
    return this.#carryOut(() => this.#prepare(sql).get(...values));
  }

  /** Returns all rows of a query. */
  all(sql: string, ...values: SqlValue[]): SqlRow[] {
    return this.#carryOut(() => this.#prepare(sql).all(...values));
  }

  /**
   * Commits everything that `work` writes together, or nothing of it, also if `work` catches the error of a statement.
   * An inner transaction joins the outer one. If an action after the commit throws, the others are still carried out.
   */
  transaction<T>(work: () => T): T {
    if (this.#depth > 0) return work();
    this.#carryOut(() => this.#connection.exec("BEGIN IMMEDIATE"));
    this.#depth++;
    const result = this.#committed(work);
    runAll(this.#afterCommit.splice(0));
    return result;
  }

  /** Runs an action once the current transaction is committed, or immediately if there is none. Dropped by a rollback. */
  afterCommit(action: () => void): void {
    if (this.#depth > 0) this.#afterCommit.push(action);
    else action();
  }

  /** Like {@link SqliteFile.transaction}; the commit survives a power failure even with `synchronous: "NORMAL"`. */
  flushed<T>(work: () => T): T {
    this.#connection.exec("PRAGMA synchronous = FULL");
    try {
      return this.transaction(work);
    } finally {
      this.#connection.exec(`PRAGMA synchronous = ${this.#options.synchronous}`);
    }
  }

  /** Closes the file. */
  close(): void {
    this.#statements.clear();
    this.#connection.close();
  }

  #committed<T>(work: () => T): T {
    try {
      const result = work();
      this.#carryOut(() => this.#connection.exec("COMMIT"));
      return result;
    } catch (error) {
      this.#rollBack();
      this.#afterCommit.length = 0;
      throw error;
    } finally {
      this.#depth--;
      this.#broken = undefined;
    }
  }

  #rollBack(): void {
    try {
      this.#connection.exec("ROLLBACK");
      this.#isAbandoned = false;
    } catch (error) {
      // On a full disk SQLite has already rolled back by itself, and says that there is no transaction (SQLITE_ERROR).
      this.#isAbandoned = sqliteCode(error) !== noTransaction;
    }
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      // Node.js 22.13 cannot bind values to them.
      if (/\?\d/.test(sql)) throw new SyntaxError(`Use ? instead of numbered parameters: ${sql}`);
      statement = this.#connection.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /** Brings the tables up to date. Returns the version that they had. */
  #migrate(): number {
    const { migrations } = this.#options;
    const found = Number(this.get("PRAGMA user_version")?.user_version ?? 0);
    if (found > migrations.length) {
      throw new Error(
        `${this.#path} was written by a newer version of batchai (schema ${String(found)}, this version knows ` +
          `${String(migrations.length)}). Use that version, or another data folder.`,
      );
    }
    migrations.slice(found).forEach((sql, index) => {
      this.transaction(() => {
        this.#connection.exec(`${sql}; PRAGMA user_version = ${String(found + index + 1)};`);
      });
    });
    return found;
  }

  #carryOut<T>(statement: () => T): T {
    // A later statement must not be committed on its own, outside the transaction that SQLite has rolled back.
    if (this.#broken) throw this.#broken.error;
    if (this.#depth === 0 && this.#isAbandoned) this.#rollBack();
    try {
      return statement();
    } catch (error) {
      if (this.#depth > 0 && !isViolation(error)) this.#broken = { error };
      throw isDamage(error) ? this.#explained(error) : error;
    }
  }

  /** Turns an error of SQLite into one that names the file and what to do. */
  #explained(error: unknown): unknown {
    if (errorCode(error) !== undefined && sqliteCode(error) === undefined) {
      return new Error(`${this.#path} cannot be used: ${reasonOf(error)}.`, { cause: error });
    }
    if (sqliteCode(error) === undefined) return error;
    if (isDamage(error)) return new Error(`${this.#path} is damaged. ${this.#options.remedy}`, { cause: error });
    const reason = accessProblem([dirname(this.#path), this.#path, ...companionsOf(this.#path)]) ?? reasonOf(error);
    return new Error(`${this.#path} cannot be used: ${reason}.`, { cause: error });
  }
}

/** Returns the paths of the files that SQLite keeps beside a database in WAL mode. */
function companionsOf(path: string): string[] {
  return [`${path}-wal`, `${path}-shm`];
}

/** Calls all actions. If some throw, the first error is thrown at the end. */
function runAll(actions: readonly (() => void)[]): void {
  const failures: unknown[] = [];
  for (const action of actions) {
    try {
      action();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
