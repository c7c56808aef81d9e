import type { KeyVaultSecretReference } from "./secret.ts";

/** An environment variable whose value is not secret. */
export interface EnvironmentVariable {
  /** Name of the variable. */
  name: string;
  /** Value of the variable. */
  value: string;
}

/** An environment variable whose value is secret. Exactly one of the value and the value reference is required. */
export interface EnvironmentVariableWithSecretValue {
  /** Name of the variable. */
  name: string;
  /** Value of the variable. Write-only: the service stores it for the job and never returns it. */
  value?: string;
  /** Key Vault secret that contains the value, instead of {@link EnvironmentVariableWithSecretValue.value}. */
  valueSecretReference?: KeyVaultSecretReference;
}
