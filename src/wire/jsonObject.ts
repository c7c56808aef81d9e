/** A JSON object. */
export type JsonObject = Record<string, unknown>;

/** Whether a value is a JSON object. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** Reads a value by its dotted path; returns `undefined` if an object in the path is missing. */
export function read(from: unknown, path: string): unknown {
  let value = from;
  for (const name of path.split(".")) {
    if (!isJsonObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

/** Writes a value by its dotted path, and creates the objects in the path. */
export function write(into: JsonObject, path: string, value: unknown): void {
  const names = path.split(".");
  const last = names.pop() ?? path;
  let target = into;
  for (const name of names) {
    const next = read(target, name);
    const object = isJsonObject(next) ? next : {};
    if (object !== next) setMember(target, name, object);
    target = object;
  }
  setMember(target, last, value);
}

/** Sets a property with any name. A plain assignment to `__proto__` would set the prototype. */
export function setMember(object: JsonObject, name: string, value: unknown): void {
  if (name === "__proto__") {
    Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
  } else {
    object[name] = value;
  }
}
