import type { EnvironmentVariable, EnvironmentVariableWithSecretValue } from "../../models/environment.ts";
import type { LaunchText } from "../engines/engine.ts";
import { StartError } from "../startError.ts";
import { longestVariable } from "../textLimits.ts";
import { bytesOf } from "./limits.ts";
import { replaceVariables, type VariableDefinition, type VariableLookup } from "./variables.ts";

/** The variables that a job or setup task gives itself. */
export interface UserVariables {
  readonly environmentVariables?: readonly EnvironmentVariable[];
  /** Only the names count: no other variable may use the value of a secret. */
  readonly secrets?: readonly EnvironmentVariableWithSecretValue[];
}

/**
 * Adds the variables of a job or setup task to those that the service sets. Their values may use all others.
 * @param property - The job or setup task by its path in the request body, for error messages.
 * @param ofToolkit - Names of variables that the toolkit of a job sets.
 * @throws StartError if a name cannot be a variable, or is the name of a variable that the service sets.
 */
export function addUserVariables(
  definitions: Map<string, VariableDefinition>,
  { environmentVariables, secrets }: UserVariables,
  property: string,
  ofToolkit: readonly string[] = [],
): void {
  const reserved = new Set([...definitions.keys(), ...ofToolkit, ...markers]);
  environmentVariables?.forEach(({ name, value }, index) => {
    const at = `${property}.environmentVariables[${index}]`;
    checkName(name, reserved, at);
    if (value.includes("\0")) throw invalid(`${at}.value`, `the value of ${name} contains a NUL character.`);
    definitions.set(name, (lookup) => valueOf(name, value, lookup, at));
  });
  secrets?.forEach(({ name }, index) => {
    checkName(name, reserved, `${property}.secrets[${index}]`);
  });
}

function valueOf(name: string, written: string, lookup: VariableLookup, property: string): LaunchText {
  const tooLong = (): StartError => {
    const limit = `${String(longestVariable)} bytes with its references replaced`;
    return invalid(`${property}.value`, `the variable has more than ${limit}.`);
  };
  const value = replaceVariables(written, lookup, tooLong);
  if (bytesOf(name) + 1 + bytesOf(value) > longestVariable) throw tooLong();
  return value;
}

/** Variables by which the service finds the processes of runs and of mounts. A job must not pass for another one. */
const markers = ["BATCHAI_RUN_ID", "BATCHAI_MOUNT_POINT"];

function checkName(name: string, reserved: ReadonlySet<string>, property: string): void {
  const target = `${property}.name`;
  if (name === "" || /[=\0]/.test(name)) {
    throw invalid(target, `"${name.replaceAll("\0", "\\0")}" cannot be the name of an environment variable.`);
  }
  if (reserved.has(name)) throw invalid(target, `${name} is set by the service. Choose another name.`);
}

function invalid(target: string, message: string): StartError {
  return new StartError("InvalidEnvironmentVariable", message, { target });
}
