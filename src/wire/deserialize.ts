import { isJsonObject, readSteps, setMember } from "./jsonObject.ts";
import type { JsonObject } from "./jsonObject.ts";
import type { AnyModel, AnyType, ModelSchema } from "./schema.ts";

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
  for (const { name, property, steps } of model.rows) {
    if (property.readOnly && options.readOnly === "drop") continue;
    const member = readSteps(body, steps);
    if (member !== undefined && member !== null) value[name] = deserializeValue(property.type, member, options);
  }
  if (options.unknown !== "drop") liftUnknownMembers(model, body, value);
  return value;
}

function liftUnknownMembers(model: AnyModel, body: JsonObject, value: JsonObject): void {
  for (const name of Object.keys(body)) {
    if (model.paths.has(name)) continue;
    const member = body[name];
    const lifted = model.containers.get(name);
    if (lifted !== undefined && isJsonObject(member)) keepUnknown(model, member, lifted, value);
    else keep(model, name, member, value);
  }
}

function keepUnknown(model: AnyModel, members: JsonObject, known: ReadonlySet<string>, value: JsonObject): void {
  for (const name of Object.keys(members)) {
    if (!known.has(name)) keep(model, name, members[name], value);
  }
}

function keep({ properties }: AnyModel, name: string, member: unknown, value: JsonObject): void {
  if (member !== null && !Object.hasOwn(properties, name)) setMember(value, name, member);
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
