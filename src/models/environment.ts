import type { KeyVaultSecretReference } from "./secret.ts";

/** An environment variable that everybody may read. */
export interface EnvironmentVariable {
  /** Name of the variable. */
  name: string;
  /** Value of the variable. */
  value: string;
}

/** An environment variable whose value is never shown. Exactly one of the value and the reference has to be given. */
export interface EnvironmentVariableWithSecretValue {
  /** Name of the variable. */
  name: string;
  /** Value of the variable. Write-only: the service keeps it for the job and never returns it. */
  value?: string;
  /** Where the value is kept, instead of {@link EnvironmentVariableWithSecretValue.value}. */
  valueSecretReference?: KeyVaultSecretReference;
}
