import { StartError } from "../startError.ts";

/** Values of variables by name. */
export type Environment = Readonly<Record<string, string>>;

/** Finds the value of a variable; undefined when there is none of that name. */
export type VariableLookup = (name: string) => string | undefined;

const reference = /\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})/g;

/**
 * Replaces `$NAME` and `${NAME}` by the variables' values. A name that is not known stays as it is: values are passed
 * to the job byte for byte, and a `$` in them is more often a literal than a slip. Replacements are not expanded again.
 */
export function expandVariables(text: string, environment: Environment): string {
  return replaceVariables(text, lookupIn(environment));
}

/** As {@link expandVariables}, with a function that knows the values. */
export function replaceVariables(text: string, lookup: VariableLookup): string {
  return text.replace(reference, (match, plain: string | undefined, braced: string | undefined) => {
    return lookup(plain ?? braced ?? "") ?? match;
  });
}

/**
 * Expands the variables of a path, where an unknown name would lead to a folder that nobody meant.
 * @throws StartError naming the property and the variable.
 */
export function expandPath(text: string, lookup: VariableLookup, property: string): string {
  return replaceVariables(text, (name) => {
    const value = lookup(name);
    if (value !== undefined) return value;
    throw new StartError(
      "UnknownVariable",
      `the path ${text} uses the variable ${name}, which is not set for it. Paths may use the AZ_BATCHAI_ variables ` +
        "and the environment variables of the job, but not its secrets.",
      { target: property },
    );
  });
}

/** A lookup in plain values that does not trip over inherited names such as `constructor`. */
export function lookupIn(environment: Environment): VariableLookup {
  return (name) => (Object.hasOwn(environment, name) ? environment[name] : undefined);
}

/** How a variable gets its value, given the other variables. */
export type VariableDefinition = (lookup: VariableLookup) => string;

/**
 * Works out variables that may use each other in any order. A variable that uses its own name means the one of the node
 * itself, as in `PATH=/opt/bin:$PATH`.
 */
export function resolveVariables(
  definitions: ReadonlyMap<string, VariableDefinition>,
  nodeEnvironment: Environment,
): Record<string, string> {
  const ofNode = lookupIn(nodeEnvironment);
  const resolved = new Map<string, string>();
  const resolve = (name: string, unfinished: readonly string[]): string | undefined => {
    const definition = definitions.get(name);
    if (definition === undefined || unfinished.includes(name)) return ofNode(name);
    const value = resolved.get(name) ?? definition((other) => resolve(other, [...unfinished, name]));
    resolved.set(name, value);
    return value;
  };
  return Object.fromEntries([...definitions.keys()].map((name) => [name, resolve(name, []) ?? ""]));
}
