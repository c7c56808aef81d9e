import { isJsonObject, setMember } from "./jsonObject.ts";
import type { JsonObject } from "./jsonObject.ts";
import type { AnyModel, AnyType, WireProperty } from "./schema.ts";

/** Changes that a rebuild applies to properties. */
export interface Change {
  /** Returns the new value of a known property, before its own properties are changed; `undefined` omits it. */
  member(property: WireProperty, value: unknown, path: string): unknown;
  /** Returns the new value of a value that is not an object although the table expects a model. Default: unchanged. */
  misfit?(value: unknown): unknown;
}

/** Returns a deep, changed copy of a model. Leaves the original unchanged. */
export function rebuild(model: AnyModel, value: unknown, change: Change, path = ""): unknown {
  if (!isJsonObject(value)) return change.misfit ? change.misfit(value) : value;
  const copy: JsonObject = {};
  for (const [name, property] of Object.entries(model.properties)) {
    const memberPath = path === "" ? name : `${path}.${name}`;
    const member = change.member(property, Object.hasOwn(value, name) ? value[name] : undefined, memberPath);
    if (member !== undefined && member !== null) copy[name] = rebuildValue(property.type, member, change, memberPath);
  }
  for (const [name, member] of Object.entries(value)) {
    if (!Object.hasOwn(model.properties, name)) setMember(copy, name, structuredClone(member));
  }
  return copy;
}

function rebuildValue(type: AnyType, value: unknown, change: Change, path: string): unknown {
  if (type.kind === "model") return rebuild(type.schema(), value, change, path);
  if (type.kind !== "array") return structuredClone(value);
  if (!Array.isArray(value)) return change.misfit ? change.misfit(value) : value;
  return value.map((item: unknown, index) => rebuildValue(type.items, item, change, `${path}[${index}]`));
}
