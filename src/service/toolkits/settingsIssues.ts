import type { ValidationIssue } from "../../wire/validate.ts";

/** Returns a problem for each of these settings that is present. */
export function notAllowed(
  settings: Readonly<Record<string, unknown>>,
  path: string,
  reason: string,
): ValidationIssue[] {
  return Object.entries(settings)
    .filter(([, value]) => value !== undefined)
    .map(([name]) => ({ path: `${path}.${name}`, message: `is not allowed ${reason}` }));
}

/** Returns the problem of a word that is none of the known ones; case does not matter. An absent word is fine. */
export function wordIssues(word: string | undefined, known: readonly string[], path: string): ValidationIssue[] {
  if (word === undefined || known.some((one) => isSameWord(one, word))) return [];
  const shown = JSON.stringify(word.length > 40 ? `${word.slice(0, 40)}...` : word);
  return [{ path, message: `must be ${known.join(" or ")}, got ${shown}` }];
}

/** Whether two words of the API mean the same: case does not matter. */
export function isSameWord(a: string | undefined, b: string): boolean {
  return a?.toLowerCase() === b.toLowerCase();
}
