import { isJsonObject, setMember } from "./jsonObject.ts";
import type { JsonObject } from "./jsonObject.ts";
import type { AnyModel, AnyType, ModelSchema, WireMembers } from "./schema.ts";

/** Options of `deserialize`. */
export interface DeserializeOptions {
  /** Handling of properties that are not in the table. Default: `keep`. */
  unknown?: "keep" | "drop";
  /** Handling of properties that only the service sets. The service drops them from requests. Default: `keep`. */
  readOnly?: "keep" | "drop";
}

/**
 * Converts a JSON body to a model: lifts the properties in `properties`, converts date texts to dates, and treats
 * `null` as absent. Leaves values of an unexpected type unchanged, so a newer service does not break its clients;
 * `validate` is strict instead.
 */
export function deserialize<T>(schema: ModelSchema<T>, body: unknown, options: DeserializeOptions = {}): T {
  return (isJsonObject(body) ? deserializeModel(schema, body, options) : body) as T;
}

function deserializeModel(model: AnyModel, body: JsonObject, options: DeserializeOptions): JsonObject {
  const value: JsonObject = {};
  lift(model, model.members, body, value, options);
  return value;
}

/** Copies the properties of one JSON object to the model, under their names in the model. */
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
