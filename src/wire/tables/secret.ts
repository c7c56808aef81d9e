import type { KeyVaultSecretReference } from "../../models/secret.ts";
import { resourceId } from "./resource.ts";
import { model, object, required, string } from "../schema.ts";

/** Table of `KeyVaultSecretReference`. */
export const keyVaultSecretReference = model<KeyVaultSecretReference>("KeyVaultSecretReference", {
  sourceVault: required("sourceVault", object(resourceId)),
  secretUrl: required("secretUrl", string),
});
