/**
 * Key of the name that an object of this package carries. A process can contain several copies of this package, even of
 * different versions, so everything that copies share has a global key: this one for `instanceof` and `isBatchAIError`,
 * `batchai.context` of a client, which only works within a version, and `batchai.pool.N` of the connections.
 */
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
  try {
    return typeof value === "object" && value !== null && Reflect.get(value, kind) === name;
  } catch {
    // A proxy can throw.
    return false;
  }
}

/**
 * Implements `instanceof` for a class whose objects are marked with `name`, as its `Symbol.hasInstance`. `asked` is the
 * class on the right side: the marked class itself, or a class of the user that extends it and inherits the method.
 * The class is not a parameter, because a class that names itself gets another name from bundlers.
 */
export function isInstance(asked: object, name: string, value: unknown): boolean {
  if (Object.hasOwn(asked, Symbol.hasInstance) && isMarked(value, name)) return true;
  return Function.prototype[Symbol.hasInstance].call(asked as () => void, value);
}
