import type { ValidationIssue } from "../../../wire/validate.ts";

/**
 * Returns the problem of a word that the service would otherwise not act on. The wire tables let any word pass, because
 * a later service may know more of them. Case does not matter.
 */
export function wordIssues(word: string | undefined, known: readonly string[], path: string): ValidationIssue[] {
  if (word === undefined || known.includes(word.toLowerCase())) return [];
  return [{ path, message: `must be one of ${known.join(", ")}, got ${JSON.stringify(word)}` }];
}
