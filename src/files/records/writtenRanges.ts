import { rmSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { SqliteFile } from "../../ground/sqlite.ts";
import type { SqlRow } from "../../ground/sqlite.ts";
import { isDamage } from "../../ground/sqliteErrors.ts";
import { lengthOf, pagesOf, wholeFile } from "../disk/byteRanges.ts";
import type { ByteRange } from "../disk/byteRanges.ts";
import { identityOf } from "../disk/identity.ts";
import { lockPatience } from "./lockPatience.ts";

/** The tables of `ranges.db`, one entry per version of the schema. Released entries never change. */
export const rangesMigrations: readonly string[] = [
  `
  CREATE TABLE IF NOT EXISTS files (key TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS ranges (
    key TEXT NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL, PRIMARY KEY (key, start)
  ) WITHOUT ROWID;
  `,
];

const remedy = "Delete it while the endpoint is stopped: only the knowledge of holes is lost.";

const sql = {
  state: "SELECT state FROM files WHERE key = ?",
  setState: "INSERT OR REPLACE INTO files VALUES (?, ?)",
  someKeys: "SELECT key FROM files WHERE key >= ? AND key < ? ORDER BY RANDOM() LIMIT ?",
  forget: "DELETE FROM files WHERE key = ?",
  forgetRanges: "DELETE FROM ranges WHERE key = ?",
  before: 'SELECT start, "end" FROM ranges WHERE key = ? AND start < ? ORDER BY start DESC LIMIT 1',
  within: 'SELECT start, "end" FROM ranges WHERE key = ? AND start BETWEEN ? AND ? ORDER BY start LIMIT ?',
  insert: "INSERT OR REPLACE INTO ranges VALUES (?, ?, ?)",
  delete: "DELETE FROM ranges WHERE key = ? AND start BETWEEN ? AND ?",
} as const;

/** Limit that includes all ranges. */
const everyRange = -1;

/** Changes of a file's content that are in progress in this process. */
interface ChangesUnderWay {
  count: number;
  /** Whether the file was unchanged since this process last wrote to it, when the first of these changes started. */
  readonly known: boolean;
}

/**
 * The parts of files that were ever written. Node.js cannot tell holes from data afterwards, so this class records what
 * the endpoint writes and clears. A record is valid only while the file still has the size and modification time that
 * the endpoint left. If another program wrote to a file, for example a job, all of its bytes count as written.
 *
 * If this database is lost, only the knowledge of holes is lost. A damaged database is replaced by an empty one.
 */
export class WrittenRanges {
  readonly #path: string;
  readonly #underWay = new Map<string, ChangesUnderWay>();
  #database: SqliteFile;

  constructor(path: string) {
    this.#path = path;
    this.#database = openOrReplace(path);
  }

  /** Records the written parts of a new file. */
  noteNew(stat: BigIntStats, written: readonly ByteRange[]): void {
    if (lengthOfAll(written) >= Number(stat.size)) return;
    this.#change(() => this.#replace(fileKey(stat), stat, written));
  }

  /**
   * Starts a change of a file's content.
   *
   * @returns A function to call at the end of the change, with the new state of the file.
   */
  begin(stat: BigIntStats): (after: BigIntStats, change: RangeChange) => void {
    const key = fileKey(stat);
    const changes = this.#underWay.get(key) ?? {
      count: 0,
      known: this.#unlessDamaged(() => this.#isAsLeft(key, stat), false),
    };
    changes.count++;
    this.#underWay.set(key, changes);
    return (after, change) => {
      changes.count--;
      if (changes.count === 0) this.#underWay.delete(key);
      this.#change(() => this.#note(key, stat, after, change, changes.known));
    };
  }

  /** Whether another change of the file's content is in progress, besides that of the caller. */
  isChangedByOthers(stat: BigIntStats): boolean {
    return (this.#underWay.get(fileKey(stat))?.count ?? 0) > 1;
  }

  /** Returns the written parts of a file, in order and in whole pages, except that the last part ends with the file. */
  of(stat: BigIntStats): ByteRange[] {
    return this.someOf(stat, wholeFile(Number(stat.size)), everyRange);
  }

  /**
   * Returns the written parts of a file like {@link WrittenRanges.of}, but only those that touch `part`, and not many
   * more than `limit` of them.
   */
  someOf(stat: BigIntStats, part: ByteRange, limit: number): ByteRange[] {
    const key = fileKey(stat);
    const size = Number(stat.size);
    return this.#unlessDamaged(() => {
      const known = this.#underWay.get(key)?.known ?? this.#isAsLeft(key, stat);
      return known && this.#isNoted(key) ? this.#rangesIn(key, part, size, limit) : wholeOf(size);
    }, wholeOf(size));
  }

  /** Copies the records of a file to its copy. */
  noteCopy(original: BigIntStats, copy: BigIntStats): void {
    if (original.size === copy.size) this.noteNew(copy, this.of(original));
  }

  /** Deletes the records of a file that was deleted or is written as a whole. */
  forget(stat: BigIntStats): void {
    this.#unlessDamaged(() => this.#forget(fileKey(stat)), undefined);
  }

  /**
   * Returns identities of files on the file system `dev` that have records; a random selection if there are more than
   * `limit`.
   */
  identities(dev: bigint, limit: number): string[] {
    const select = (): string[] => {
      const rows = this.#database.all(sql.someKeys, `${dev}-`, `${dev}.`, limit);
      return rows.map(({ key }) => String(key).slice(`${dev}-`.length));
    };
    return this.#unlessDamaged(select, []);
  }

  /** Deletes the records of files on the file system `dev` that no longer exist, by identity (see `identityOf`). */
  forgetIdentities(dev: bigint, identities: readonly string[]): void {
    this.#change(() => {
      for (const identity of identities) this.#forget(`${dev}-${identity}`);
    });
  }

  /** Closes the database. */
  close(): void {
    this.#database.close();
  }

  #change(change: () => void): void {
    this.#unlessDamaged(() => this.#database.transaction(change), undefined);
  }

  /** Replaces the database by an empty one if it turns out to be damaged. All bytes then count as written. */
  #unlessDamaged<T>(work: () => T, otherwise: T): T {
    try {
      return work();
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#database.close();
      deleteDatabase(this.#path);
      this.#database = openDatabase(this.#path);
      return otherwise;
    }
  }

  #note(key: string, before: BigIntStats, after: BigIntStats, change: RangeChange, known: boolean): void {
    const size = Number(after.size);
    if (!(known && this.#isNoted(key))) {
      // All bytes count as written. Only a change that creates a hole needs a record.
      const resized = after.size > before.size;
      if (change.cleared === undefined && !resized) return this.#forget(key);
      this.#replace(key, after, wholeOf(Number(resized ? before.size : after.size)));
    }
    if (change.cleared !== undefined) this.#remove(key, change.cleared);
    for (const range of change.written ?? []) this.#add(key, pagesOf(range));
    this.#database.run(sql.delete, key, size, Number.MAX_SAFE_INTEGER);
    this.#database.run(sql.setState, key, contentState(after));
    this.#forgetWhole(key, size);
  }

  /** A file without holes needs no record. */
  #forgetWhole(key: string, size: number): void {
    const [first] = this.#rangesIn(key, { start: 0, end: 0 }, size, 1);
    if (size === 0 || first?.end === size - 1) this.#forget(key);
  }

  #replace(key: string, stat: BigIntStats, ranges: readonly ByteRange[]): void {
    this.#database.run(sql.forgetRanges, key);
    this.#database.run(sql.setState, key, contentState(stat));
    for (const range of ranges) this.#add(key, pagesOf(range));
  }

  /** Adds whole pages, and merges them with adjacent ranges. */
  #add(key: string, { start, end }: ByteRange): void {
    const before = this.#before(key, start);
    const joined = before !== undefined && before.end >= start - 1;
    const last = rangesFromRows(this.#database.all(sql.within, key, start, end + 1, everyRange)).at(-1);
    this.#database.run(sql.delete, key, start, end + 1);
    this.#database.run(sql.insert, key, joined ? before.start : start, Math.max(end, last?.end ?? 0, before?.end ?? 0));
  }

  /** Removes whole pages, and shortens ranges that extend past their ends. */
  #remove(key: string, { start, end }: ByteRange): void {
    const before = this.#before(key, start);
    const last = rangesFromRows(this.#database.all(sql.within, key, start, end, everyRange)).at(-1) ?? before;
    this.#database.run(sql.delete, key, start, end);
    if (before !== undefined && before.end >= start) this.#database.run(sql.insert, key, before.start, start - 1);
    if (last !== undefined && last.end > end) this.#database.run(sql.insert, key, end + 1, last.end);
  }

  #rangesIn(key: string, { start, end }: ByteRange, size: number, limit: number): ByteRange[] {
    const before = this.#before(key, start);
    const rows = [
      ...(before !== undefined && before.end >= start ? [before] : []),
      ...rangesFromRows(this.#database.all(sql.within, key, start, end, limit)),
    ];
    return rows.map((range) => ({ start: range.start, end: Math.min(range.end, size - 1) }));
  }

  #before(key: string, position: number): ByteRange | undefined {
    const row = this.#database.get(sql.before, key, position);
    return row === undefined ? undefined : rangesFromRows([row])[0];
  }

  #isNoted(key: string): boolean {
    return this.#database.get(sql.state, key) !== undefined;
  }

  #isAsLeft(key: string, stat: BigIntStats): boolean {
    return this.#database.get(sql.state, key)?.state === contentState(stat);
  }

  #forget(key: string): void {
    this.#database.run(sql.forget, key);
    this.#database.run(sql.forgetRanges, key);
  }
}

/** Effect of a change on a file: bytes written, and whole pages turned into a hole. */
export interface RangeChange {
  readonly written?: readonly ByteRange[];
  readonly cleared?: ByteRange | undefined;
}

/** Opens the database; replaces a damaged one by an empty one. */
function openOrReplace(path: string): SqliteFile {
  try {
    return openDatabase(path);
  } catch (error) {
    if (!isDamage(error)) throw error;
    deleteDatabase(path);
    return openDatabase(path);
  }
}

function openDatabase(path: string): SqliteFile {
  // Not OFF: after a power failure, rows of different moments could turn written parts into holes.
  return new SqliteFile(path, {
    migrations: rangesMigrations,
    remedy,
    synchronous: "NORMAL",
    timeoutInMs: lockPatience,
  });
}

function deleteDatabase(path: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
}

function fileKey(stat: BigIntStats): string {
  return `${stat.dev}-${identityOf(stat)}`;
}

function contentState(stat: BigIntStats): string {
  return `${stat.size}-${stat.mtimeNs}`;
}

function wholeOf(size: number): ByteRange[] {
  return size === 0 ? [] : [wholeFile(size)];
}

function lengthOfAll(ranges: readonly ByteRange[]): number {
  return ranges.reduce((sum, range) => sum + lengthOf(range), 0);
}

function rangesFromRows(rows: readonly SqlRow[]): ByteRange[] {
  return rows.map(({ start, end }) => ({ start: Number(start), end: Number(end) }));
}
