import { isJsonObject, setMember, write } from "./jsonObject.ts";
import type { JsonObject } from "./jsonObject.ts";
import type { AnyModel, AnyType, ModelSchema } from "./schema.ts";

/** What becomes of members that need a decision. */
export interface SerializeOptions {
  /** Members that only the service sets; requests have no use for them. Default: `keep`. */
  readOnly?: "keep" | "drop";
}

/**
 * Turns a model into what travels: lifted members go back below `properties`, dates become ISO 8601 text, members without
 * a value are left out. Secrets are included when they are there. Members that the table does not know pass through;
 * those of a model with lifted members go below `properties`, where the service keeps almost everything.
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
    if (property.readOnly && options.readOnly === "drop") continue;
    const member = Object.hasOwn(value, name) ? value[name] : undefined;
    if (member !== undefined && member !== null)
      write(body, property.path, serializeValue(property.type, member, options));
  }
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

/** As the service writes dates: up to three digits after the second, trailing zeros dropped. */
function formatDate(date: Date): string {
  return date.toISOString().replace(/\.?0*Z$/, "Z");
}
