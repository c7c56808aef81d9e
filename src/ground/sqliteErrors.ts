/** SQLite's primary result codes that say that a file is no database, or none that can be trusted. */
const damageCodes = new Set([11, 26]);

/** What SQLite said when it refused something: its primary result code; undefined where it was not SQLite. */
export function sqliteCode(error: unknown): number | undefined {
  const code = error instanceof Error && "errcode" in error ? error.errcode : undefined;
  // The lower byte; the rest tells variants apart.
  return typeof code === "number" ? code & 0xff : undefined;
}

/** Whether an error says that a database is damaged. */
export function isDamage(error: unknown): boolean {
  return damageCodes.has(sqliteCode(error) ?? 0);
}
