import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SqliteFile, type SqliteOptions } from "../../src/ground/sqlite.ts";
import { isDamage } from "../../src/ground/sqliteErrors.ts";

const options: SqliteOptions = {
  migrations: ["CREATE TABLE names (name TEXT PRIMARY KEY) STRICT"],
  remedy: "Restore it from a backup.",
  synchronous: "NORMAL",
};

describe("an SQLite file", () => {
  let folder: string;
  let path: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "batchai-sqlite-"));
    path = join(folder, "test.db");
  });

  afterEach(() => rm(folder, { recursive: true }));

  function withFile(work: (file: SqliteFile) => void, more: Partial<SqliteOptions> = {}): void {
    const file = new SqliteFile(path, { ...options, ...more });
    try {
      work(file);
    } finally {
      file.close();
    }
  }

  const insert = (file: SqliteFile, name: string): number => file.run("INSERT INTO names VALUES (?)", name);
  const namesIn = (file: SqliteFile): unknown[] =>
    file.all("SELECT name FROM names ORDER BY name").map((row) => row.name);

  it("commits a transaction as a whole, inner ones included, or nothing of it", () => {
    withFile((file) => {
      const result = file.transaction(() => {
        insert(file, "a");
        return file.transaction(() => insert(file, "b"));
      });
      expect(result).toBe(1);
      const failing = () =>
        file.transaction(() => {
          insert(file, "c");
          file.transaction(() => insert(file, "a"));
        });
      expect(failing).toThrow(/UNIQUE/);
      expect(namesIn(file)).toEqual(["a", "b"]);
    });
  });

  it("carries out actions after the commit of the outermost transaction, and drops them with a rollback", () => {
    withFile((file) => {
      const seen: string[] = [];
      file.transaction(() => {
        file.transaction(() => {
          insert(file, "a");
          file.afterCommit(() => seen.push(`inner ${namesIn(file).length}`));
        });
        insert(file, "b");
        file.afterCommit(() => seen.push(`outer ${namesIn(file).length}`));
        expect(seen).toEqual([]);
      });
      expect(seen).toEqual(["inner 2", "outer 2"]);
      const failing = () =>
        file.transaction(() => {
          file.afterCommit(() => seen.push("never"));
          throw new Error("made up");
        });
      expect(failing).toThrow("made up");
      file.transaction(() => insert(file, "c"));
      file.afterCommit(() => seen.push("at once"));
      expect(seen).toEqual(["inner 2", "outer 2", "at once"]);
    });
  });

  it("brings its tables up to date, version by version, and leaves those of a newer one alone", () => {
    withFile((file) => {
      expect(file.isNew).toBe(true);
      insert(file, "a");
    });
    const migrations = [...options.migrations, "ALTER TABLE names ADD COLUMN age INTEGER NOT NULL DEFAULT 7"];
    withFile(
      (file) => {
        expect(file.isNew).toBe(false);
        expect(file.get("SELECT * FROM names")).toEqual({ name: "a", age: 7 });
      },
      { migrations },
    );
    expect(() => {
      withFile(() => undefined);
    }).toThrow(`${path} was written by a newer version of batchai (schema 2, this version knows 1).`);
  });

  it("that is damaged is named with its remedy; the cause stays visible", async () => {
    await writeFile(path, Buffer.alloc(10_000, "garbage "));
    let thrown: unknown;
    try {
      withFile(() => undefined);
    } catch (error) {
      thrown = error;
    }
    expect(String(thrown)).toBe(`Error: ${path} is damaged. Restore it from a backup.`);
    expect(isDamage(thrown)).toBe(true);
  });
});
