import type { EnvironmentVariable, EnvironmentVariableWithSecretValue } from "../../models/environment.ts";
import type { MountVolumes } from "../../models/mountVolumes.ts";
import type { ValidationIssue } from "../../wire/validate.ts";

const notYet = {
  azureBlobFileSystems: "blob containers cannot be mounted: this service has no blob storage. Use azureFileShares",
  fileServers: "file servers cannot be mounted yet. Use azureFileShares",
  unmanagedFileSystems: "unmanaged file systems cannot be mounted yet. Use azureFileShares",
} as const;

/** What this service cannot mount, or cannot mount where it is asked to. */
export function volumeIssues(volumes: MountVolumes | undefined, path: string): ValidationIssue[] {
  if (!volumes) return [];
  const kinds = Object.keys(notYet) as (keyof typeof notYet)[];
  const unsupported = kinds
    .filter((kind) => (volumes[kind]?.length ?? 0) > 0)
    .map((kind) => ({ path: `${path}.${kind}`, message: notYet[kind] }));
  return [...unsupported, ...fileShareIssues(volumes, `${path}.azureFileShares`)];
}

function fileShareIssues({ azureFileShares = [] }: MountVolumes, path: string): ValidationIssue[] {
  const used = new Set<string>();
  return azureFileShares.flatMap(({ credentials, relativeMountPath }, index): ValidationIssue[] => {
    const issues: ValidationIssue[] = [];
    const here = `${path}[${String(index)}]`;
    if (credentials.accountKeySecretReference) {
      issues.push({ path: `${here}.credentials.accountKeySecretReference`, message: `${noKeyVault} accountKey` });
    } else if (!credentials.accountKey) {
      issues.push({ path: `${here}.credentials.accountKey`, message: "is required" });
    }
    if (!isContained(relativeMountPath)) {
      issues.push({
        path: `${here}.relativeMountPath`,
        message: "must be a relative path below the mount root, without '..'",
      });
    } else if (used.has(relativeMountPath)) {
      issues.push({
        path: `${here}.relativeMountPath`,
        message: `${JSON.stringify(relativeMountPath)} is taken by another volume`,
      });
    }
    used.add(relativeMountPath);
    return issues;
  });
}

/** Explains that a secret has to be given by value. */
export const noKeyVault = "Key Vault cannot be reached from this service. Give the value itself as";

function isContained(path: string): boolean {
  const segments = path.split("/").filter((segment) => segment !== "" && segment !== ".");
  return segments.length > 0 && !path.startsWith("/") && !path.includes("\0") && !segments.includes("..");
}

/** Names of variables that no shell could set, secrets that are not given by value, and names given twice. */
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
    if (valueSecretReference) issues.push({ path: `${at}.valueSecretReference`, message: `${noKeyVault} value` });
    else if (value === undefined) issues.push({ path: `${at}.value`, message: "is required" });
    else if (value.includes("\0")) issues.push({ path: `${at}.value`, message: "must not contain a NUL character" });
  });
  return issues;
}
