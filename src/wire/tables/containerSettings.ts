import type {
  ContainerSettings,
  ImageSourceRegistry,
  PrivateRegistryCredentials,
} from "../../models/containerSettings.ts";
import { model, object, optional, required, secret, string } from "../schema.ts";
import { keyVaultSecretReference } from "./secret.ts";

/** Table of `PrivateRegistryCredentials`. */
export const privateRegistryCredentials = model<PrivateRegistryCredentials>("PrivateRegistryCredentials", {
  username: required("username", string),
  password: secret("password", string),
  passwordSecretReference: optional("passwordSecretReference", object(keyVaultSecretReference)),
});

/** Table of `ImageSourceRegistry`. */
export const imageSourceRegistry = model<ImageSourceRegistry>("ImageSourceRegistry", {
  serverUrl: optional("serverUrl", string),
  image: required("image", string),
  credentials: optional("credentials", object(privateRegistryCredentials)),
});

/** Table of `ContainerSettings`. */
export const containerSettings = model<ContainerSettings>("ContainerSettings", {
  imageSourceRegistry: required("imageSourceRegistry", object(imageSourceRegistry)),
  shmSize: optional("shmSize", string),
});
