import type { JsonObject } from "./jsonObject.ts";
import type { AnyModel } from "./schema.ts";

/**
 * Reads a property of a model; returns `undefined` if it is missing. The properties of a reference can be inherited,
 * because an instance of any class with an `id` is a reference.
 */
export function memberOf({ isReference }: AnyModel, value: JsonObject, name: string): unknown {
  return isReference || Object.hasOwn(value, name) ? value[name] : undefined;
}
