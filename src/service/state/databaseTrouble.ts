import { sqliteCode } from "../../ground/sqliteErrors.ts";

/** SQLite's result codes that blame a statement: a faulty one, a violated constraint, a value of the wrong type, misuse. */
const faultsOfStatements = new Set([1, 19, 20, 21, 25]);

/** Whether an error says that the database cannot be read or written for the moment: it is locked, or the disk is full. */
export function isDatabaseTrouble(error: unknown): boolean {
  const code = sqliteCode(error);
  return code !== undefined && !faultsOfStatements.has(code);
}
