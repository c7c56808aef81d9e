import { isJsonObject, setMember, write } from "./jsonObject.ts";
import type { JsonObject } from "./jsonObject.ts";
import type { AnyModel, AnyType, ModelSchema } from "./schema.ts";

/**
 * Turns a model into what travels: lifted members go back below `properties`, dates become ISO 8601 text, members without
 * a value are left out. Secrets are included when they are there. Members that the table does not know pass through;
 * those of a model with lifted members go below `properties`, where the service keeps almost everything.
 */
export function serialize<T>(schema: ModelSchema<T>, value: NoInfer<T>): Record<string, unknown> {
  return isJsonObject(value) ? serializeModel(schema, value) : {};
}

function serializeModel(model: AnyModel, value: JsonObject): JsonObject {
  const body: JsonObject = {};
  for (const [name, property] of Object.entries(model.properties)) {
    const member = Object.hasOwn(value, name) ? value[name] : undefined;
    if (member !== undefined && member !== null) write(body, property.path, serializeValue(property.type, member));
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

function serializeValue(type: AnyType, value: unknown): unknown {
  switch (type.kind) {
    case "dateTime":
      return value instanceof Date ? formatDate(value) : value;
    case "model":
      return isJsonObject(value) ? serializeModel(type.schema(), value) : value;
    case "array":
      return Array.isArray(value) ? value.map((item: unknown) => serializeValue(type.items, item)) : value;
    default:
      return value;
  }
}

/** As the service writes dates: up to three digits after the second, trailing zeros dropped. */
function formatDate(date: Date): string {
  return date.toISOString().replace(/\.?0*Z$/, "Z");
}
