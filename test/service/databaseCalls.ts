import { DatabaseSync, StatementSync } from "node:sqlite";
import { vi } from "vitest";

/** Counts what this process asks its databases for. End it with `vi.restoreAllMocks()`. */
export class DatabaseCalls {
  statements = 0;
  /** Rows that queries returned. */
  rows = 0;
  commits = 0;
  /** Results of the statements that count rows. */
  readonly counts: number[] = [];
  /** Every statement that was carried out, by its text. */
  readonly texts = new Set<string>();

  constructor() {
    for (const method of ["run", "get", "all"] as const) this.#countCallsOf(method);
    const countCommit = (): number => this.commits++;
    const exec = DatabaseSync.prototype.exec;
    vi.spyOn(DatabaseSync.prototype, "exec").mockImplementation(function (this: DatabaseSync, sql: string) {
      if (sql === "COMMIT") countCommit();
      exec.call(this, sql);
    });
  }

  /** Returns how many statements, rows and commits some work takes. */
  async during(work: () => Promise<void>): Promise<{ statements: number; rows: number; commits: number }> {
    const { statements, rows, commits } = this;
    await work();
    return { statements: this.statements - statements, rows: this.rows - rows, commits: this.commits - commits };
  }

  #countCallsOf(method: "run" | "get" | "all"): void {
    const original = StatementSync.prototype[method] as (...values: unknown[]) => unknown;
    const count = (text: string, result: unknown): void => {
      this.statements++;
      this.rows += Array.isArray(result) ? result.length : 1;
      this.texts.add(text);
      if (isCount(result)) this.counts.push(result.count);
    };
    vi.spyOn(StatementSync.prototype, method).mockImplementation(function (this: StatementSync, ...values: unknown[]) {
      const result = original.apply(this, values);
      count(this.sourceSQL, result);
      return result as never;
    });
  }
}

function isCount(result: unknown): result is { readonly count: number } {
  return typeof result === "object" && result !== null && "count" in result && typeof result.count === "number";
}
