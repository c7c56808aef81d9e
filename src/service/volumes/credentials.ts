import type { AzureStorageCredentialsInfo } from "../../models/mountVolumes.ts";
import type { ValidationIssue } from "../../wire/validate.ts";
import { keyVaultIssue } from "../keyVault.ts";

/**
 * Returns the problems of the credentials of a storage account.
 * @param path - The credentials by their path in the request body.
 */
export function credentialsIssues(credentials: AzureStorageCredentialsInfo, path: string): ValidationIssue[] {
  if (credentials.accountKeySecretReference) return [keyVaultIssue(path, "accountKey")];
  return credentials.accountKey ? [] : [{ path: `${path}.accountKey`, message: "is required" }];
}
