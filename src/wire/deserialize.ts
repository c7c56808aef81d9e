import { isJsonObject, setMember } from "./jsonObject.ts";
import type { JsonObject } from "./jsonObject.ts";
import type { AnyModel, AnyType, ModelSchema, WireMembers } from "./schema.ts";

/** What becomes of members that need a decision. */
export interface DeserializeOptions {
  /** Members that the table does not know. Default: `keep`. */
  unknown?: "keep" | "drop";
  /** Members that only the service sets; it drops those of requests. Default: `keep`. */
  readOnly?: "keep" | "drop";
}

/**
 * Turns what travelled into a model: members below `properties` are lifted, date texts become dates, `null` counts as
 * absent. Lenient: what has an unexpected type is left as it came, so that a newer service does not break its clients;
 * see `validate` for the opposite.
 */
export function deserialize<T>(schema: ModelSchema<T>, body: unknown, options: DeserializeOptions = {}): T {
  return (isJsonObject(body) ? deserializeModel(schema, body, options) : body) as T;
}

function deserializeModel(model: AnyModel, body: JsonObject, options: DeserializeOptions): JsonObject {
  const value: JsonObject = {};
  lift(model, model.members, body, value, options);
  return value;
}

/** Takes over the members of one object on the wire: each that the table knows under its own name there. */
function lift(
  model: AnyModel,
  known: WireMembers,
  body: JsonObject,
  value: JsonObject,
  options: DeserializeOptions,
): void {
  for (const wireName of Object.keys(body)) {
    const member = body[wireName];
    if (member === null || member === undefined) continue;
    const place = known.get(wireName);
    if (place !== undefined && "property" in place) {
      const { name, property } = place;
      const isWanted = !property.readOnly || options.readOnly !== "drop";
      if (isWanted) value[name] = deserializeValue(property.type, member, options);
    } else if (place !== undefined && isJsonObject(member)) {
      lift(model, place, member, value, options);
    } else {
      keepUnknown(model, wireName, member, value, options);
    }
  }
}

function keepUnknown(
  { properties }: AnyModel,
  name: string,
  member: unknown,
  value: JsonObject,
  options: DeserializeOptions,
): void {
  if (options.unknown !== "drop" && !Object.hasOwn(properties, name)) setMember(value, name, member);
}

function deserializeValue(type: AnyType, value: unknown, options: DeserializeOptions): unknown {
  switch (type.kind) {
    case "dateTime":
      return parseDate(value);
    case "model":
      return isJsonObject(value) ? deserializeModel(type.schema(), value, options) : value;
    case "array":
      return Array.isArray(value) ? value.map((item: unknown) => deserializeValue(type.items, item, options)) : value;
    default:
      return value;
  }
}

function parseDate(value: unknown): unknown {
  if (typeof value !== "string") return value;
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? value : date;
}
