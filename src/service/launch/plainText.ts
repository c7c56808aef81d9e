import type { LaunchText } from "../toolkits/toolkit.ts";

// DELETE AT THE MERGE: once the engine contract takes `LaunchText`, job.ts hands texts on as they are.

/** Returns a text that has no segments to fill in. */
export function plainText(text: LaunchText): string {
  if (typeof text === "string") return text;
  return text.map((segment) => (typeof segment === "string" ? segment : unknown(segment))).join("");
}

/** Returns variables whose values have no segments to fill in. */
export function plainVariables(variables: Readonly<Record<string, LaunchText>>): Record<string, string> {
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, plainText(value)]));
}

function unknown(segment: object): never {
  throw new RangeError(`This engine cannot fill in ${JSON.stringify(segment)}.`);
}
