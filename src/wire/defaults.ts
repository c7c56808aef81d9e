import { rebuild } from "./rebuild.ts";
import type { ModelSchema } from "./schema.ts";

/** Returns a copy in which every absent property has its default, at any depth, but only in existing objects. */
export function applyDefaults<T>(schema: ModelSchema<T>, value: NoInfer<T>): T {
  return rebuild(schema, value, { member: (property, member) => member ?? property.defaultValue }) as T;
}
