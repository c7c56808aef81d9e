import { rebuild } from "./rebuild.ts";
import type { ModelSchema } from "./schema.ts";

/** A copy without any secret. What has no place in the tables, and might hold one, is left out too. */
export function withoutSecrets<T>(schema: ModelSchema<T>, value: NoInfer<T>): T {
  return rebuild(schema, value, {
    member: (property, member) => (property.secret ? undefined : member),
    misfit: () => undefined,
  }) as T;
}

/** The secrets of a model by their paths, such as `nodeSetup.setupTask.secrets[0].value`. */
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

/** A copy into which secrets are put back at their paths; those whose place is gone are ignored. */
export function withSecrets<T>(schema: ModelSchema<T>, value: NoInfer<T>, secrets: Record<string, string>): T {
  return rebuild(schema, value, {
    member: (property, member, path) => (property.secret ? (secrets[path] ?? member) : member),
  }) as T;
}
