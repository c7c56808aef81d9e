import { rebuild } from "./rebuild.ts";
import type { ModelSchema } from "./schema.ts";

/**
 * Returns a copy without secrets. Also omits values that do not match the tables, because they could contain secrets.
 */
export function withoutSecrets<T>(schema: ModelSchema<T>, value: NoInfer<T>): T {
  return rebuild(schema, value, {
    member: (property, member) => (property.secret ? undefined : member),
    misfit: () => undefined,
  }) as T;
}

/** Returns the secrets of a model by their paths, such as `nodeSetup.setupTask.secrets[0].value`. */
export function secretsOf<T>(schema: ModelSchema<T>, value: NoInfer<T>): Record<string, string> {
  const secrets: Record<string, string> = {};
  rebuild(schema, value, {
    member: (property, member, path) => {
      if (property.secret && typeof member === "string") secrets[path] = member;
      return member;
    },
  });
  return secrets;
}

/** Returns a copy with the secrets at their paths. Ignores secrets whose path no longer exists. */
export function withSecrets<T>(schema: ModelSchema<T>, value: NoInfer<T>, secrets: Record<string, string>): T {
  return rebuild(schema, value, {
    member: (property, member, path) => (property.secret ? (secrets[path] ?? member) : member),
  }) as T;
}
