import type { EnvironmentVariable, EnvironmentVariableWithSecretValue } from "../../../models/environment.ts";
import type { ValidationIssue } from "../../../wire/validate.ts";
import { keyVaultIssue } from "../../keyVault.ts";
import { longestVariable } from "../../textLimits.ts";

/** Most bytes of the secrets of a job or setup task together. */
const mostBytesOfSecrets = 256 * 1024;

/** Returns the problems of names that no shell could set, secrets that are not given by value, and names given twice. */
export function variableIssues(
  variables: readonly EnvironmentVariable[] | undefined,
  secrets: readonly EnvironmentVariableWithSecretValue[] | undefined,
  path: string,
): ValidationIssue[] {
  const issues: ValidationIssue[] = [];
  const used = new Set<string>();
  const check = (name: string, at: string) => {
    if (!/^[^=\0]+$/.test(name)) issues.push({ path: `${at}.name`, message: "must be a name without '='" });
    else if (used.has(name)) issues.push({ path: `${at}.name`, message: `${JSON.stringify(name)} is given twice` });
    used.add(name);
  };
  (variables ?? []).forEach(({ name, value }, index) => {
    const at = `${path}.environmentVariables[${String(index)}]`;
    check(name, at);
    if (value.includes("\0")) issues.push({ path: `${at}.value`, message: "must not contain a NUL character" });
  });
  (secrets ?? []).forEach(({ name, value, valueSecretReference }, index) => {
    const at = `${path}.secrets[${String(index)}]`;
    check(name, at);
    if (valueSecretReference) issues.push(keyVaultIssue(at, "value"));
    else if (value === undefined) issues.push({ path: `${at}.value`, message: "is required" });
    else if (value.includes("\0")) issues.push({ path: `${at}.value`, message: "must not contain a NUL character" });
  });
  return [...issues, ...secretLengthIssues(secrets ?? [], `${path}.secrets`)];
}

function secretLengthIssues(secrets: readonly EnvironmentVariableWithSecretValue[], path: string): ValidationIssue[] {
  const lengths = secrets.map(({ name, value = "" }) => Buffer.byteLength(name) + 1 + Buffer.byteLength(value));
  const longest = lengths.findIndex((length) => length > longestVariable);
  if (longest !== -1) {
    const message = `must have at most ${String(longestVariable)} bytes together with its name`;
    return [{ path: `${path}[${String(longest)}].value`, message }];
  }
  const sum = lengths.reduce((total, length) => total + length, 0);
  if (sum <= mostBytesOfSecrets) return [];
  return [{ path, message: `must have at most ${String(mostBytesOfSecrets)} bytes together, got ${String(sum)}` }];
}
