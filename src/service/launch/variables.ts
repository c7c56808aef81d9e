import type { LaunchText } from "../engines/engine.ts";
import { StartError } from "../startError.ts";

/** Values of variables by name. */
export type Environment = Readonly<Record<string, LaunchText>>;

/** Returns the value of a variable; undefined if there is none of that name. */
export type VariableLookup = (name: string) => LaunchText | undefined;

const reference = /\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})/g;

/**
 * Replaces `$NAME` and `${NAME}` by the values of the variables. An unknown name remains as it is: values are passed to
 * the job byte for byte, and a `$` in them is more often a literal than a slip. Replacements are not expanded again.
 */
export function replaceVariables(text: string, lookup: VariableLookup): LaunchText {
  return joined(partsOf(text, (name, reference) => lookup(name) ?? reference));
}

/** Splits a text at its references, each of which becomes its value. */
function partsOf<T>(text: string, valueOf: (name: string, reference: string) => T): (string | T)[] {
  const parts: (string | T)[] = [];
  let end = 0;
  for (const match of text.matchAll(reference)) {
    parts.push(text.slice(end, match.index), valueOf(match[1] ?? match[2] ?? "", match[0]));
    end = match.index + match[0].length;
  }
  return [...parts, text.slice(end)];
}

/** Joins texts to one; a plain string if all of them are. */
export function joined(parts: readonly LaunchText[]): LaunchText {
  const segments = parts.flatMap((part) => part).filter((segment) => segment !== "");
  return segments.every((segment) => typeof segment === "string") ? segments.join("") : segments;
}

/**
 * Expands the variables of a path, where an unknown name would lead to a folder that nobody meant.
 * @throws StartError naming the property and the variable.
 */
export function expandPath(text: string, lookup: VariableLookup, property: string): string {
  const valueOf = (name: string): string => {
    const value = lookup(name);
    if (typeof value === "string") return value;
    throw new StartError(
      "UnknownVariable",
      value === undefined
        ? `the path ${text} uses the variable ${name}, which is not set for it. Paths may use the AZ_BATCHAI_ variables ` +
            "and the environment variables of the job, but not its secrets."
        : `the path ${text} uses the variable ${name}, whose value is known only when the job starts.`,
      { target: property },
    );
  };
  return partsOf(text, valueOf).join("");
}

/** A lookup in plain values that does not trip over inherited names such as `constructor`. */
export function lookupIn(environment: Environment): VariableLookup {
  return (name) => (Object.hasOwn(environment, name) ? environment[name] : undefined);
}

/** How a variable gets its value, given the other variables. */
export type VariableDefinition = (lookup: VariableLookup) => LaunchText;

/**
 * Works out variables that may use each other in any order. A variable that uses its own name means the one of the node
 * itself, as in `PATH=/opt/bin:$PATH`.
 */
export function resolveVariables(
  definitions: ReadonlyMap<string, VariableDefinition>,
  nodeEnvironment: Environment,
): Record<string, LaunchText> {
  const ofNode = lookupIn(nodeEnvironment);
  const resolved = new Map<string, LaunchText>();
  const resolve = (name: string, unfinished: readonly string[]): LaunchText | undefined => {
    const definition = definitions.get(name);
    if (definition === undefined || unfinished.includes(name)) return ofNode(name);
    const value = resolved.get(name) ?? definition((other) => resolve(other, [...unfinished, name]));
    resolved.set(name, value);
    return value;
  };
  return Object.fromEntries([...definitions.keys()].map((name) => [name, resolve(name, []) ?? ""]));
}

/** Returns the value of a variable that is a path, and so plain text. */
export function pathIn(environment: Environment, name: string): string {
  const path = environment[name];
  if (typeof path !== "string") throw new TypeError(`The variable ${name} is not a path.`);
  return path;
}
