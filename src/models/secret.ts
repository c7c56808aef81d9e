import type { ResourceId } from "./resource.ts";

/** Reference to a secret in Azure Key Vault, used instead of the secret itself. */
export interface KeyVaultSecretReference {
  /** Key Vault that contains the secret. */
  sourceVault: ResourceId;
  /** URL of the secret, for example `https://myvault.vault.azure.net/secrets/mysecret`. */
  secretUrl: string;
}
