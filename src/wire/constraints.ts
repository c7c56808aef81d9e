import { isJsonObject } from "./jsonObject.ts";
import type { AnyType, ArrayType, IntegerType } from "./schema.ts";

type View = "model" | "wire";

const longestExcerpt = 60;
const iso8601Duration = /^P(?=[\dT])(\d+W|(\d+Y)?(\d+M)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?)$/;
const iso8601Date = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/;

/** Whether a value has its type. Does not check the content of arrays and objects. */
export function fits(type: AnyType, value: unknown, view: View): boolean {
  switch (type.kind) {
    case "string":
      return typeof value === "string";
    case "duration":
      return typeof value === "string" && iso8601Duration.test(value);
    case "integer":
      return isIntegerWithin(type, value);
    case "dateTime":
      return view === "wire" ? isDateText(value) : value instanceof Date && !Number.isNaN(value.getTime());
    case "enumeration":
      return typeof value === "string" && (!type.closed || type.values.includes(value));
    case "array":
      return Array.isArray(value) && value.length <= (type.maxItems ?? Infinity);
    case "model":
    case "map":
    case "object":
      return isJsonObject(value);
  }
}

/** Describes the values of a type, for a message after "must be". Mentions only limits that matter for the value. */
export function describeExpected(type: AnyType, view: View, value?: unknown): string {
  switch (type.kind) {
    case "string":
      return "a string";
    case "duration":
      return 'an ISO 8601 duration such as "PT4H30M"';
    case "integer":
      return `an integer${describeLimits(type, value)}`;
    case "dateTime":
      return view === "wire" ? 'a time such as "2018-06-06T18:39:26Z"' : "a valid Date";
    case "enumeration":
      return type.closed ? `one of ${type.values.map((word) => JSON.stringify(word)).join(", ")}` : "a string";
    case "array":
      return describeArray(type);
    case "model":
    case "map":
    case "object":
      return "an object";
  }
}

/** Describes an invalid value, for a message after "got". Never contains values of objects, which could be secret. */
export function describeValue(value: unknown, expected?: AnyType): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return expected?.kind === "array" ? `${value.length} items` : "an array";
  if (value instanceof Date) return "a Date";
  switch (typeof value) {
    case "string":
      return expected && isScalar(expected) ? excerpt(JSON.stringify(value)) : "a string";
    case "number":
    case "boolean":
      return String(value);
    default:
      return typeof value === "object" ? "an object" : `a ${typeof value}`;
  }
}

function isScalar(type: AnyType): boolean {
  return !["model", "array", "map", "object"].includes(type.kind);
}

function excerpt(text: string): string {
  return text.length > longestExcerpt ? `${text.slice(0, longestExcerpt)}..."` : text;
}

function isIntegerWithin(type: IntegerType, value: unknown): boolean {
  const { minimum, maximum } = limitsOf(type);
  return typeof value === "number" && Number.isSafeInteger(value) && value >= minimum && value <= maximum;
}

interface Limits {
  readonly minimum: number;
  readonly maximum: number;
}

function limitsOf(type: IntegerType): Limits {
  const widest =
    type.format === "int32"
      ? { minimum: -(2 ** 31), maximum: 2 ** 31 - 1 }
      : { minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER };
  return { minimum: type.minimum ?? widest.minimum, maximum: type.maximum ?? widest.maximum };
}

/** Describes the limits of an integer. Mentions limits of its width only if the value exceeds them. */
function describeLimits(type: IntegerType, value: unknown): string {
  const { minimum, maximum } = limitsOf(type);
  const outside = typeof value === "number" && (value < minimum || value > maximum);
  if (type.maximum !== undefined || (outside && value > maximum)) return ` from ${minimum} to ${maximum}`;
  if (type.minimum !== undefined || outside) return ` of at least ${minimum}`;
  return "";
}

function describeArray(type: ArrayType): string {
  return type.maxItems === undefined ? "an array" : `an array of at most ${type.maxItems} items`;
}

function isDateText(value: unknown): boolean {
  return typeof value === "string" && iso8601Date.test(value) && !Number.isNaN(Date.parse(value));
}
