/** Says something about the present step. */
export function say(text: string): void {
  for (const line of text.split("\n")) console.log(`   ${line}`);
}

/** A number of bytes as people like to read it. */
export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
