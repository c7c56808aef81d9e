import { relative } from "node:path";

/** Says something about the present step. */
export function say(text: string): void {
  for (const line of text.split("\n")) console.log(`   ${line}`);
}

/** A path as seen from the current folder, where that is shorter. */
export function shortPath(path: string): string {
  const seenFromHere = relative("", path);
  return seenFromHere.startsWith("..") ? path : seenFromHere;
}

/** A number of bytes as people like to read it. */
export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
