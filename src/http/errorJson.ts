/** Returns an error for `JSON.stringify`: its name and message, which are not enumerable, and its enumerable properties. */
export function errorJson(error: Error): Record<string, unknown> {
  return Object.assign<Record<string, unknown>, Error>({ name: error.name, message: error.message }, error);
}
