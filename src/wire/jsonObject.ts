/** An object with string keys, as JSON has them. */
export type JsonObject = Record<string, unknown>;

/** Whether a value is an object in the sense of JSON. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** Reads a value by its dotted path; `undefined` when any object on the way is missing. */
export function read(from: unknown, path: string): unknown {
  let value = from;
  for (const name of path.split(".")) {
    if (!isJsonObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

/** Writes a value by its dotted path, and makes the objects on the way. */
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

/** Sets a member whatever its name; a plain assignment would take `__proto__` for the prototype. */
export function setMember(object: JsonObject, name: string, value: unknown): void {
  if (name === "__proto__") {
    Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
  } else {
    object[name] = value;
  }
}
