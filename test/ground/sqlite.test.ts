import { chmod, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { shortageOf } from "../../src/ground/shortage.ts";
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

  it("commits nothing of a transaction in which a statement failed, also if its error was caught", () => {
    withFile((file) => {
      const swallowing = () =>
        file.transaction(() => {
          insert(file, "a");
          try {
            file.run("INSERT INTO nowhere VALUES (1)");
          } catch {
            // As after a full disk, SQLite may have rolled back: what follows must not be committed alone.
          }
          insert(file, "b");
        });
      expect(swallowing).toThrow(/nowhere/);
      expect(namesIn(file)).toEqual([]);
      file.transaction(() => {
        insert(file, "a");
        expect(() => insert(file, "a")).toThrow(/UNIQUE/);
        insert(file, "b");
      });
      expect(namesIn(file)).toEqual(["a", "b"]);
    });
  });

  it("reports a lock of another program as such, changes nothing meanwhile, and works on when it is released", () => {
    withFile((file) => {
      const other = new DatabaseSync(path);
      other.exec("BEGIN IMMEDIATE");
      let thrown: unknown;
      try {
        file.transaction(() => insert(file, "a"));
      } catch (error) {
        thrown = error;
      }
      expect(shortageOf(thrown)).toBe("lock");
      expect(shortageOf(new Error("wrapped", { cause: thrown }))).toBe("lock");
      other.close();
      file.transaction(() => insert(file, "b"));
      expect(namesIn(file)).toEqual(["b"]);
    });
  });

  it("carries out the other actions after a commit if one throws", () => {
    withFile((file) => {
      const seen: string[] = [];
      const failing = () =>
        file.transaction(() => {
          file.afterCommit(() => {
            throw new Error("made up");
          });
          file.afterCommit(() => seen.push("second"));
          insert(file, "a");
        });
      expect(failing).toThrow("made up");
      expect(seen).toEqual(["second"]);
      expect(namesIn(file)).toEqual(["a"]);
    });
  });

  it("is readable by its owner alone, with the files beside it, whatever the umask and earlier modes are", async () => {
    const modes = async (): Promise<number[]> =>
      await Promise.all(["", "-wal", "-shm"].map(async (end) => (await stat(`${path}${end}`)).mode & 0o777));
    const file = new SqliteFile(path, options);
    insert(file, "a");
    expect(await modes()).toEqual([0o600, 0o600, 0o600]);
    await Promise.all(["", "-wal", "-shm"].map((end) => chmod(`${path}${end}`, 0o644)));
    withFile(() => undefined);
    expect(await modes()).toEqual([0o600, 0o600, 0o600]);
    file.close();
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
