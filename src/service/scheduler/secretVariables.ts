import type { EnvironmentVariableWithSecretValue } from "../../models/environment.ts";

/** Returns the values of secret variables by name. */
export function secretVariables(
  secrets: readonly EnvironmentVariableWithSecretValue[] | undefined,
): Readonly<Record<string, string>> {
  return Object.fromEntries((secrets ?? []).map(({ name, value = "" }) => [name, value]));
}
