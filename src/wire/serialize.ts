import { isJsonObject, setMember, write } from "./jsonObject.ts";
import type { JsonObject } from "./jsonObject.ts";
import { memberOf } from "./reference.ts";
import type { AnyModel, AnyType, ModelSchema } from "./schema.ts";

/** Options of `serialize`. */
export interface SerializeOptions {
  /**
   * Whether to create the body of a request. It contains neither properties that only the service sets, nor unknown
   * properties of references. Default: false.
   */
  request?: boolean;
}

/**
 * Converts a model to a JSON body: moves lifted properties back to `properties`, converts dates to ISO 8601 text, and
 * omits properties without a value. Includes secrets. Copies properties that are not in the table; in a model with
 * lifted properties, they go to `properties`, where the service expects almost everything.
 */
export function serialize<T>(
  schema: ModelSchema<T>,
  value: NoInfer<T>,
  options: SerializeOptions = {},
): Record<string, unknown> {
  return isJsonObject(value) ? serializeModel(schema, value, options) : {};
}

function serializeModel(model: AnyModel, value: JsonObject, options: SerializeOptions): JsonObject {
  const body: JsonObject = {};
  for (const [name, property] of Object.entries(model.properties)) {
    if (property.readOnly && options.request) continue;
    const member = memberOf(model, value, name);
    if (member !== undefined && member !== null)
      write(body, property.path, serializeValue(property.type, member, options));
  }
  if (model.isReference && options.request) return body;
  const unknownMembers = Object.entries(value).filter(
    ([name, member]) => !Object.hasOwn(model.properties, name) && member !== undefined,
  );
  const container = model.containers[0];
  const home = container !== undefined && unknownMembers.length > 0 ? objectAt(body, container) : body;
  for (const [name, member] of unknownMembers) setMember(home, name, member);
  return body;
}

function objectAt(body: JsonObject, name: string): JsonObject {
  const present = body[name];
  if (isJsonObject(present)) return present;
  const made: JsonObject = {};
  setMember(body, name, made);
  return made;
}

function serializeValue(type: AnyType, value: unknown, options: SerializeOptions): unknown {
  switch (type.kind) {
    case "dateTime":
      return value instanceof Date ? formatDate(value) : value;
    case "model":
      return isJsonObject(value) ? serializeModel(type.schema(), value, options) : value;
    case "array":
      return Array.isArray(value) ? value.map((item: unknown) => serializeValue(type.items, item, options)) : value;
    default:
      return value;
  }
}

/** Formats a date like the service: up to three decimals of a second, without trailing zeros. */
function formatDate(date: Date): string {
  return date.toISOString().replace(/\.?0*Z$/, "Z");
}
