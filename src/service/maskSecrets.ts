/** Length of the shortest secret that is masked. A shorter one would make the text unreadable and reveal more than it hides. */
const shortestSecret = 4;

/**
 * Replaces secrets in a text by `***`.
 * @param begin - Number of characters at the beginning that are left out, because they may end a secret that begins before
 * the text.
 */
export function maskSecrets(text: string, secrets: readonly string[], begin: number): string {
  // NUL marks what is hidden: no variable can contain it.
  const characters = text.replaceAll("\0", " ").split("");
  for (const secret of new Set(secrets)) {
    if (secret.length < shortestSecret || !text.includes(secret)) continue;
    let hidden = 0;
    for (const end of endsOf(secret, text)) {
      characters.fill("\0", Math.max(hidden, end - secret.length), end);
      hidden = end;
    }
  }
  return characters.slice(begin).join("").replaceAll(/\0+/g, "***");
}

/**
 * Returns where a pattern ends in a text. It may overlap itself, so a search that goes on behind each place would miss
 * some; and it may be long, so one that goes on at the next character would take too long. This is the algorithm of Knuth,
 * Morris and Pratt.
 */
function* endsOf(pattern: string, text: string): Generator<number> {
  const borders = new Int32Array(pattern.length + 1);
  let length = 0;
  for (let at = 1; at < pattern.length; at += 1) {
    while (length > 0 && pattern[at] !== pattern[length]) length = borders[length] ?? 0;
    if (pattern[at] === pattern[length]) length += 1;
    borders[at + 1] = length;
  }
  length = 0;
  for (let at = 0; at < text.length; at += 1) {
    while (length > 0 && text[at] !== pattern[length]) length = borders[length] ?? 0;
    if (text[at] === pattern[length]) length += 1;
    if (length === pattern.length) yield at + 1;
  }
}
