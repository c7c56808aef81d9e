import type { ValidationIssue } from "../wire/validate.ts";

/**
 * Returns the problem of a word that is none of the known ones; case does not matter. An absent word is fine. The wire tables
 * let any word pass, because a later service may know more of them.
 */
export function wordIssues(word: string | undefined, known: readonly string[], path: string): ValidationIssue[] {
  if (word === undefined || known.some((one) => isSameWord(one, word))) return [];
  const shown = JSON.stringify(word.length > 40 ? `${word.slice(0, 40)}...` : word);
  return [{ path, message: `must be one of ${known.join(", ")}, got ${shown}` }];
}

/** Whether two words of the API mean the same: case does not matter. */
export function isSameWord(a: string | undefined, b: string): boolean {
  return a?.toLowerCase() === b.toLowerCase();
}
