import type { ValidationIssue } from "../wire/validate.ts";

/**
 * Returns the problem of a secret that is given by its place in a Key Vault.
 * @param path - The object that contains the secret, by its path in the request body.
 * @param property - The property that takes the secret itself.
 */
export function keyVaultIssue(path: string, property: string): ValidationIssue {
  const message = `Key Vault cannot be reached from this service. Give the value itself as ${property}`;
  return { path: `${path}.${property}SecretReference`, message };
}
