import type { SqliteFile } from "../../ground/sqlite.ts";
import { text } from "./columns.ts";

/** Small facts about the service that must stay the same over restarts. */
export class Settings {
  readonly #database: SqliteFile;

  constructor(database: SqliteFile) {
    this.#database = database;
  }

  get(name: string): string | undefined {
    const row = this.#database.get("SELECT value FROM settings WHERE name = ?", name);
    return row && text(row, "value");
  }

  set(name: string, value: string): void {
    this.#database.run("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", name, value);
  }

  remove(name: string): void {
    this.#database.run("DELETE FROM settings WHERE name = ?", name);
  }
}
