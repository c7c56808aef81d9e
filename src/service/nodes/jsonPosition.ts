/**
 * Parses JSON that a person has written.
 * @throws Error that names the file, the line and the column if the text is not valid JSON, and if a name occurs twice in
 * one object.
 */
export function parseJson(text: string, file: string): unknown {
  const json = text.replace(/^\uFEFF/, "");
  const value = parsed(json, file);
  const name = repeatedName(json);
  if (name === undefined) return value;
  throw new Error(`${file} contains the name ${JSON.stringify(name)} twice in one object. Remove one of them.`);
}

function parsed(json: string, file: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const before = json.slice(0, positionOf(message, json)).split("\n");
    const place = `line ${before.length}, column ${(before.at(-1) ?? "").length + 1}`;
    const [reason = ""] = message.split(/ (?:in|after) JSON at| \(line|, "|, \.\.\."/, 1);
    throw new Error(`${file} is not valid JSON at ${place}: ${reason}.`, { cause: error });
  }
}

/** Returns a name that occurs twice in one object of valid JSON. `JSON.parse` silently uses the last one. */
function repeatedName(json: string): string | undefined {
  const objects: Set<string>[] = [];
  for (const [token, name] of json.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[{}]/g)) {
    if (token === "{") objects.push(new Set());
    else if (token === "}") objects.pop();
    if (name === undefined) continue;
    const text = String(JSON.parse(name));
    if (objects.at(-1)?.has(text)) return text;
    objects.at(-1)?.add(text);
  }
  return undefined;
}

/** Returns the position of a syntax error. V8 does not tell it in every message. */
function positionOf(message: string, json: string): number {
  const told = /at position (\d+)/.exec(message)?.[1];
  if (told !== undefined) return Number(told);
  if (!isUnexpectedToken(message)) return json.length;
  // The error is at the end of the shortest beginning that has it; each longer one has it too.
  let [valid, invalid] = [0, json.length];
  while (invalid - valid > 1) {
    const middle = Math.floor((valid + invalid) / 2);
    if (isUnexpectedToken(errorOf(json.slice(0, middle)))) invalid = middle;
    else valid = middle;
  }
  return valid;
}

function isUnexpectedToken(message: string): boolean {
  return message.startsWith("Unexpected token");
}

function errorOf(json: string): string {
  try {
    JSON.parse(json);
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : "";
  }
}
