/** SQLite's primary result codes for a file that is not a database, or a damaged one (SQLITE_CORRUPT, SQLITE_NOTADB). */
const damageCodes = new Set([11, 26]);

/** Returns SQLite's primary result code of an error, or of its cause; undefined if SQLite did not report it. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  // The lower byte; the rest tells variants apart.
  if ("errcode" in error && typeof error.errcode === "number") return error.errcode & 0xff;
  return sqliteCode(error.cause);
}

/** Whether an error says that a database is damaged. */
export function isDamage(error: unknown): boolean {
  return damageCodes.has(sqliteCode(error) ?? 0);
}
