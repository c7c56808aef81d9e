import type { KeyVaultSecretReference } from "./secret.ts";

/** The container in which a job runs. */
export interface ContainerSettings {
  /** Where its image comes from. */
  imageSourceRegistry: ImageSourceRegistry;
  /** Size of `/dev/shm` in Docker's syntax, for example `16gb`. Default: that of the container engine. */
  shmSize?: string;
}

/** An image and the registry that has it. */
export interface ImageSourceRegistry {
  /** Address of the registry. Default: Docker Hub. */
  serverUrl?: string;
  /** Name of the image; with a registry of one's own, its full name. */
  image: string;
  /** How to get into a private registry. Default: no log-in. */
  credentials?: PrivateRegistryCredentials;
}

/** The way into a private registry. Exactly one of the password and the reference has to be given. */
export interface PrivateRegistryCredentials {
  /** User name. */
  username: string;
  /** Password. Write-only: the service never returns it. */
  password?: string;
  /** Where the password is kept, instead of {@link PrivateRegistryCredentials.password}. */
  passwordSecretReference?: KeyVaultSecretReference;
}
