import { rebuild } from "./rebuild.ts";
import type { ModelSchema } from "./schema.ts";

/** A copy in which every absent member has its default, at any depth, but only inside objects that are there. */
export function applyDefaults<T>(schema: ModelSchema<T>, value: NoInfer<T>): T {
  return rebuild(schema, value, { member: (property, member) => member ?? property.defaultValue }) as T;
}
