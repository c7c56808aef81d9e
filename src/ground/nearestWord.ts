const mostEdits = 2;

/**
 * Returns the known word that a word most likely means: it differs only in case, or by at most two edits. A short word
 * allows fewer edits, one for each three characters, because most short words are similar. Returns undefined if no known
 * word is that similar.
 */
export function nearestWord(word: string, known: Iterable<string>): string | undefined {
  let nearest: string | undefined;
  let fewest = mostEdits + 1;
  for (const candidate of known) {
    const limit = Math.min(mostEdits, Math.floor(candidate.length / 3), fewest - 1);
    const edits = editsBetween(word, candidate, limit);
    if (edits <= limit) [nearest, fewest] = [candidate, edits];
  }
  return nearest;
}

/** Returns the number of characters to insert, delete or replace between two words, in any case; Infinity above a limit. */
function editsBetween(one: string, other: string, limit: number): number {
  if (Math.abs(one.length - other.length) > limit) return Infinity;
  const [from, to] = [one.toLowerCase(), other.toLowerCase()];
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [position, character] of [...from].entries()) {
    const next = [position + 1];
    for (let index = 1; index < row.length; index += 1) {
      const replaced = (row[index - 1] ?? 0) + (character === to[index - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[index] ?? 0) + 1, (next[index - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? Infinity;
}
