import type { KeyVaultSecretReference } from "./secret.ts";

/** Container that a job runs in. */
export interface ContainerSettings {
  /** Image of the container, and its registry. */
  imageSourceRegistry: ImageSourceRegistry;
  /** Size of `/dev/shm` in Docker's syntax, for example `16gb`. Default: the default of the container engine. */
  shmSize?: string;
}

/** An image and its registry. */
export interface ImageSourceRegistry {
  /** URL of the registry. Default: Docker Hub. */
  serverUrl?: string;
  /** Image name. For a private registry, the full name. */
  image: string;
  /** Credentials for a private registry. Default: none, anonymous access. */
  credentials?: PrivateRegistryCredentials;
}

/** Credentials for a private registry. Exactly one of the password and the password reference is required. */
export interface PrivateRegistryCredentials {
  /** User name. */
  username: string;
  /** Password. Write-only: the service never returns it. */
  password?: string;
  /** Key Vault secret that contains the password, instead of {@link PrivateRegistryCredentials.password}. */
  passwordSecretReference?: KeyVaultSecretReference;
}
