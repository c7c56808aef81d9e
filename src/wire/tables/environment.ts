import type { EnvironmentVariable, EnvironmentVariableWithSecretValue } from "../../models/environment.ts";
import { model, object, optional, required, secret, string } from "../schema.ts";
import { keyVaultSecretReference } from "./secret.ts";

/** Table of `EnvironmentVariable`. */
export const environmentVariable = model<EnvironmentVariable>("EnvironmentVariable", {
  name: required("name", string),
  value: required("value", string),
});

/** Table of `EnvironmentVariableWithSecretValue`. */
export const environmentVariableWithSecretValue = model<EnvironmentVariableWithSecretValue>(
  "EnvironmentVariableWithSecretValue",
  {
    name: required("name", string),
    value: secret("value", string),
    valueSecretReference: optional("valueSecretReference", object(keyVaultSecretReference)),
  },
);
