/** Key of the name that an object of this package carries. The same in every copy of the package. */
const kind = /* @__PURE__ */ Symbol.for("batchai.kind");

/**
 * Marks an object with the name of its class, so that other copies of this package recognize it. A process can contain
 * several copies: the ES module, the CommonJS module, and one in every bundle.
 */
export function mark(object: object, name: string): void {
  Object.defineProperty(object, kind, { value: name });
}

/** Whether a value is an object that is marked with `name`. */
export function isMarked(value: unknown, name: string): boolean {
  return typeof value === "object" && value !== null && Reflect.get(value, kind) === name;
}

/**
 * Implements `instanceof` for a class whose objects are marked with `name`. `asked` is the class on the right side:
 * `marked` itself, or a class of the user that extends it.
 */
export function isInstance(asked: object, marked: object, name: string, value: unknown): boolean {
  if (asked === marked && isMarked(value, name)) return true;
  return Function.prototype[Symbol.hasInstance].call(asked as () => void, value);
}
