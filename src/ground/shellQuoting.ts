/** Quotes a text, so the shell passes it on as one word and expands nothing in it. */
export function singleQuoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
