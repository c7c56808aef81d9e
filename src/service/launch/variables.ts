import { StartError } from "../startError.ts";
import { jobPaths } from "./pathAdvice.ts";

/** Values of variables by name. */
export type Environment = Readonly<Record<string, string>>;

/** Returns the value of a variable; undefined if no variable has that name. */
export type VariableLookup = (name: string) => string | undefined;

const reference = /\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})/g;

/**
 * Replaces `$NAME` and `${NAME}` with the values of the variables. Leaves an unknown name unchanged: values reach the job
 * byte for byte, and a `$` in them is more often a literal than a mistake. Replacements are not expanded again.
 */
export function expandVariables(text: string, environment: Environment): string {
  return replaceVariables(text, lookupIn(environment));
}

/** Does the same as {@link expandVariables}, with a function that finds the values. */
export function replaceVariables(text: string, lookup: VariableLookup): string {
  return text.replace(reference, (match, plain: string | undefined, braced: string | undefined) => {
    return lookup(plain ?? braced ?? "") ?? match;
  });
}

/**
 * Expands the variables of a path, where an unknown name would lead to a folder that the author did not mean.
 * @param advice - Says which variables the path may use. Default: the advice for jobs.
 * @throws StartError that names the property and the variable.
 */
export function expandPath(
  text: string,
  lookup: VariableLookup,
  property: string,
  advice: { readonly variables: string } = jobPaths,
): string {
  return replaceVariables(text, (name) => {
    const value = lookup(name);
    if (value !== undefined) return value;
    const message = `the path ${text} uses the variable ${name}, which is not set for it. ${advice.variables}`;
    throw new StartError("UnknownVariable", message, { target: property });
  });
}

/** Returns a lookup in plain values; inherited names such as `constructor` are unknown to it. */
export function lookupIn(environment: Environment): VariableLookup {
  return (name) => (Object.hasOwn(environment, name) ? environment[name] : undefined);
}

/** Returns the value of a variable; may use the other variables. */
export type VariableDefinition = (lookup: VariableLookup) => string;

/**
 * Returns the values of variables that may use each other in any order. A variable that uses its own name means the
 * variable of the node, as in `PATH=/opt/bin:$PATH`.
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
