/** SQLite's primary result codes for a file that is not a database, or a damaged one (SQLITE_CORRUPT, SQLITE_NOTADB). */
const damageCodes = new Set([11, 26]);
/** SQLITE_CONSTRAINT. */
const constraint = 19;

/** Returns SQLite's extended result code of an error, without its causes; undefined if SQLite did not report it. */
export function sqliteVariant(error: unknown): number | undefined {
  return error instanceof Error && "errcode" in error && typeof error.errcode === "number" ? error.errcode : undefined;
}

/** Returns SQLite's primary result code of an error, or of its cause; undefined if SQLite did not report it. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const variant = sqliteVariant(error);
  // The lower byte; the rest tells variants apart.
  return variant === undefined ? sqliteCode(error.cause) : variant & 0xff;
}

/** Whether an error says that a database is damaged. */
export function isDamage(error: unknown): boolean {
  return damageCodes.has(sqliteCode(error) ?? 0);
}

/** Whether a statement failed for its own sake: it violates a rule of the tables. The transaction remains usable. */
export function isViolation(error: unknown): boolean {
  return sqliteCode(error) === constraint;
}
