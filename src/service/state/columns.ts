import type { SqlRow } from "../../ground/sqlite.ts";

/** A column that always contains text. */
export function text(row: SqlRow, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw new TypeError(`column ${column} contains no text`);
  return value;
}

/** A column that contains text or NULL. */
export function optionalText(row: SqlRow, column: string): string | undefined {
  return row[column] === null ? undefined : text(row, column);
}

/** A column that contains a number or NULL. */
export function optionalNumber(row: SqlRow, column: string): number | undefined {
  return row[column] === null ? undefined : Number(row[column]);
}

/** A column that contains a time or NULL. */
export function optionalDate(row: SqlRow, column: string): Date | undefined {
  const time = optionalText(row, column);
  return time === undefined ? undefined : new Date(time);
}
