import type { EnvironmentVariable } from "../../models/environment.ts";
import { StartError } from "../startError.ts";
import { replaceVariables, type VariableDefinition } from "./variables.ts";

/**
 * Adds the variables of a job or set-up task to those that the service sets. Their values may use all others.
 * @param property - The property that lists them, for error messages.
 * @throws StartError when a name cannot be a variable, or belongs to the service.
 */
export function addUserVariables(
  definitions: Map<string, VariableDefinition>,
  variables: readonly EnvironmentVariable[] | undefined,
  property: string,
): void {
  const reserved = new Set(definitions.keys());
  variables?.forEach(({ name, value }, index) => {
    checkVariable(name, value, reserved, `${property}[${index}]`);
    definitions.set(name, (lookup) => replaceVariables(value, lookup));
  });
}

function checkVariable(name: string, value: string, reserved: ReadonlySet<string>, property: string): void {
  const refuse = (part: "name" | "value", message: string): never => {
    throw new StartError("InvalidEnvironmentVariable", message, { target: `${property}.${part}` });
  };
  if (name === "" || /[=\0]/.test(name)) {
    refuse("name", `"${name.replaceAll("\0", "\\0")}" cannot be the name of an environment variable.`);
  }
  if (reserved.has(name)) refuse("name", `${name} is set by the service. Choose another name.`);
  if (value.includes("\0")) refuse("value", `the value of ${name} contains a NUL character.`);
}
