import type { LaunchText } from "../engines/engine.ts";
import { StartError } from "../startError.ts";
import { longestVariable } from "../textLimits.ts";
import { bytesOf, longestChain, longestPath, mostBytesOfVariables } from "./limits.ts";
import { jobPaths } from "./pathAdvice.ts";

/** Values of variables by name. */
export type Environment = Readonly<Record<string, LaunchText>>;

/** Returns the value of a variable; undefined if no variable has that name. */
export type VariableLookup = (name: string) => LaunchText | undefined;

const reference = /\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})/g;

/**
 * Replaces `$NAME` and `${NAME}` with the values of the variables. Leaves an unknown name unchanged: values reach the job
 * byte for byte, and a `$` in them is more often a literal than a mistake. Replacements are not expanded again.
 * @param tooLong - Creates the error that is thrown if the result is longer than a variable can be.
 */
export function replaceVariables(text: string, lookup: VariableLookup, tooLong: () => StartError): LaunchText {
  const valueOf = (name: string, written: string): LaunchText => lookup(name) ?? written;
  return joinedText(partsOf(text, valueOf, { bytes: longestVariable, tooLong }));
}

/** Most bytes of an expanded text, and the error for a longer one. */
interface TextLimit {
  readonly bytes: number;
  readonly tooLong: () => StartError;
}

/**
 * Splits a text at its references, each of which becomes its value. Stops at the limit, because a short text can stand
 * for one that does not fit into memory.
 */
function partsOf<T extends LaunchText>(
  text: string,
  valueOf: (name: string, written: string) => T,
  { bytes, tooLong }: TextLimit,
): (string | T)[] {
  const parts: (string | T)[] = [];
  let length = 0;
  let end = 0;
  const add = (part: string | T): void => {
    length += bytesOf(part);
    if (length > bytes) throw tooLong();
    parts.push(part);
  };
  for (const match of text.matchAll(reference)) {
    add(text.slice(end, match.index));
    add(valueOf(match[1] ?? match[2] ?? "", match[0]));
    end = match.index + match[0].length;
  }
  add(text.slice(end));
  return parts;
}

/** Joins texts to one; a plain string if all of them are. */
export function joinedText(parts: readonly LaunchText[]): LaunchText {
  const segments = parts.flatMap((part) => part).filter((segment) => segment !== "");
  return segments.every((segment) => typeof segment === "string") ? segments.join("") : segments;
}

/**
 * Expands the variables of a path, where an unknown name would lead to a folder that the author did not mean.
 * @param advice - Says which variables the path may use. Default: the advice for jobs.
 * @throws StartError that names the property and the variable, or if the path is too long.
 */
export function expandPath(
  text: string,
  lookup: VariableLookup,
  property: string,
  advice: { readonly variables: string } = jobPaths,
): string {
  const valueOf = (name: string): string => {
    const value = lookup(name);
    if (typeof value === "string") return value;
    const problem =
      value === undefined
        ? `the variable ${name}, which is not set for it. ${advice.variables}`
        : `the variable ${name}, whose value is known only when the job starts.`;
    throw new StartError("UnknownVariable", `the path ${text} uses ${problem}`, { target: property });
  };
  const tooLong = (): StartError =>
    new StartError("InvalidPath", `the path has more than ${String(longestPath)} bytes.`, { target: property });
  if (text.length > longestPath) throw tooLong();
  return partsOf(text, valueOf, { bytes: longestPath, tooLong }).join("");
}

/** Returns a lookup in plain values; inherited names such as `constructor` are unknown to it. */
export function lookupIn(environment: Environment): VariableLookup {
  return (name) => (Object.hasOwn(environment, name) ? environment[name] : undefined);
}

/** Returns the value of a variable; may use the other variables. */
export type VariableDefinition = (lookup: VariableLookup) => LaunchText;

/**
 * Returns the values of variables that may use each other in any order. A variable that uses its own name means the
 * variable of the node, as in `PATH=/opt/bin:$PATH`.
 * @param property - The job or setup task by its path in the request body, for error messages.
 * @throws StartError if the variables use each other in a chain that is too long, or are too long together.
 */
export function resolveVariables(
  definitions: ReadonlyMap<string, VariableDefinition>,
  nodeEnvironment: Environment,
  property: string,
): Record<string, LaunchText> {
  const ofNode = lookupIn(nodeEnvironment);
  const resolved = new Map<string, LaunchText>();
  const refuse = (reason: string): never => {
    throw new StartError("InvalidEnvironmentVariable", reason, { target: `${property}.environmentVariables` });
  };
  let bytes = 0;
  const resolve = (name: string, unfinished: readonly string[]): LaunchText | undefined => {
    const definition = definitions.get(name);
    if (definition === undefined || unfinished.includes(name)) return ofNode(name);
    const known = resolved.get(name);
    if (known !== undefined) return known;
    if (unfinished.length >= longestChain) {
      refuse(
        `more than ${String(longestChain)} variables use each other in a chain: ${unfinished.slice(0, 3).join(", ")} ...`,
      );
    }
    const value = definition((other) => resolve(other, [...unfinished, name]));
    bytes += bytesOf(name) + bytesOf(value);
    if (bytes > mostBytesOfVariables) {
      refuse(
        `the variables have more than ${String(mostBytesOfVariables)} bytes together, with their references replaced.`,
      );
    }
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
