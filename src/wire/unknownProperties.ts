import { nearestWord } from "../ground/nearestWord.ts";
import { isJsonObject } from "./jsonObject.ts";
import type { JsonObject } from "./jsonObject.ts";
import type { AnyType, ModelSchema, WireMembers } from "./schema.ts";
import type { ValidationIssue } from "./validate.ts";

/** Properties of a request that its table does not have. */
export interface UnknownProperties {
  /** Issues of those that are almost a property of the same object. */
  readonly nearMisses: readonly ValidationIssue[];
  /** Paths of the others. */
  readonly others: readonly string[];
}

/** More names help nobody, and a comparison takes time. */
const mostNames = 100;

/**
 * Returns the properties of a JSON body that its table does not have, at most 100. A property that is almost a known one
 * is a mistake, and ignoring it would change the meaning of the request. Clients send others on purpose, such as `$schema`.
 * Names in maps and free objects are data. Treats `null` as absent.
 */
export function unknownProperties<T>(schema: ModelSchema<T>, body: unknown): UnknownProperties {
  const found = { nearMisses: [], others: [] };
  if (isJsonObject(body)) lookAt(schema.members, body, "", found);
  return found;
}

interface Found {
  readonly nearMisses: ValidationIssue[];
  readonly others: string[];
}

function lookAt(known: WireMembers, body: JsonObject, start: string, found: Found): void {
  for (const [name, value] of Object.entries(body)) {
    if (found.nearMisses.length + found.others.length >= mostNames) return;
    if (value === null || value === undefined) continue;
    const path = `${start}${name}`;
    const place = known.get(name);
    if (place === undefined) addUnknown(known, name, path, found);
    else if ("property" in place) lookIntoValue(place.property.type, value, path, found);
    else if (isJsonObject(value)) lookAt(place, value, `${path}.`, found);
  }
}

function addUnknown(known: WireMembers, name: string, path: string, { nearMisses, others }: Found): void {
  const meant = nearestWord(name, settableNames(known));
  if (meant === undefined) others.push(path);
  else nearMisses.push({ path, message: `is not a property. Did you mean ${meant}?` });
}

/** Names that have an effect in a request. */
function settableNames(known: WireMembers): string[] {
  return [...known].flatMap(([name, place]) => ("property" in place && place.property.readOnly ? [] : [name]));
}

function lookIntoValue(type: AnyType, value: unknown, path: string, found: Found): void {
  if (type.kind === "model" && isJsonObject(value)) lookAt(type.schema().members, value, `${path}.`, found);
  if (type.kind !== "array" || !Array.isArray(value)) return;
  value.forEach((item: unknown, index) => {
    lookIntoValue(type.items, item, `${path}[${String(index)}]`, found);
  });
}
