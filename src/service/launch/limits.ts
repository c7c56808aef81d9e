import type { LaunchText } from "../engines/engine.ts";

/** Most bytes of all variables of a job or setup task together, with all references replaced. */
export const mostBytesOfVariables = 512 * 1024;

/** Most variables that use each other in a chain. */
export const longestChain = 100;

/** Longest path in bytes, with all references replaced: what Linux allows. */
export const longestPath = 4095;

/** Longest name in a path in bytes: what Linux allows. */
export const longestName = 255;

/** Assumed length of a value that only the start of a run decides, such as an address. */
const bytesOfSegment = 64;

/** Returns the length of a text in bytes. */
export function bytesOf(text: LaunchText): number {
  if (typeof text === "string") return Buffer.byteLength(text);
  return text.reduce((sum, part) => sum + (typeof part === "string" ? Buffer.byteLength(part) : bytesOfSegment), 0);
}
