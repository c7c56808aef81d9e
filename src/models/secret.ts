import type { ResourceId } from "./resource.ts";

/** Names a secret in an Azure Key Vault, so that it need not travel in the request. */
export interface KeyVaultSecretReference {
  /** The vault. */
  sourceVault: ResourceId;
  /** URL of the secret, for example `https://myvault.vault.azure.net/secrets/mysecret`. */
  secretUrl: string;
}
