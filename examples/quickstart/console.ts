import { relative } from "node:path";

/** Prints a message about the current step. */
export function say(text: string): void {
  for (const line of text.split("\n")) console.log(`   ${line}`);
}

/** Returns a path relative to the current folder, if it is in that folder. */
export function shortPath(path: string): string {
  const seenFromHere = relative("", path);
  return seenFromHere.startsWith("..") ? path : seenFromHere;
}

/** Formats a number of bytes for people. */
export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
