import type { EnvironmentVariable, EnvironmentVariableWithSecretValue } from "../../../models/environment.ts";
import type { ValidationIssue } from "../../../wire/validate.ts";
import { keyVaultIssue } from "../../keyVault.ts";

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
  return issues;
}
