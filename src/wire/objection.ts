import { describeExpected, fits } from "./constraints.ts";
import { isJsonObject } from "./jsonObject.ts";
import type { AnyModel } from "./schema.ts";

/**
 * Returns why a value from a response is not the model, for example `it lacks id`; `undefined` if it can be the model.
 * Checks only the properties that every response contains, because a newer service may change all others.
 */
export function objectionTo({ always }: AnyModel, value: unknown): string | undefined {
  if (!isJsonObject(value)) return `it is ${describeJson(value)}`;
  for (const [name, { type }] of always) {
    const member = value[name];
    if (member === undefined) return `it lacks ${name}`;
    if (!fits(type, member, "model")) return `its ${name} is not ${describeExpected(type, "model")}`;
  }
  return undefined;
}

function describeJson(value: unknown): string {
  if (value === undefined) return "empty";
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : `a ${typeof value}`;
}
