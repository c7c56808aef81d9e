/** Longest text in which a position is searched that the engine does not tell: the search parses it about twenty times. */
const longestSearch = 256 * 1024;

/**
 * Parses JSON that a person has written.
 * @param source - File, or another name of the text, for the error.
 * @throws Error that names the source, the line and the column if the text is not valid JSON. A text of more than 256 KiB may
 * get neither.
 */
export function parseJson(text: string, source: string): unknown {
  const json = text.replace(/^\uFEFF/, "");
  try {
    return JSON.parse(json);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const [reason = ""] = message.split(/ (?:in|after) JSON at| \(line|, "|, \.\.\."/, 1);
    throw new Error(`${source} is not valid JSON${placeOf(message, json)}: ${reason}.`, { cause: error });
  }
}

/**
 * Parses JSON like {@link parseJson}, and accepts no name twice in one object, because a person has meant something by both.
 * @throws Error like that function, and if a name occurs twice.
 */
export function parseJsonFile(text: string, file: string): unknown {
  const value = parseJson(text, file);
  const name = repeatedName(text);
  if (name === undefined) return value;
  throw new Error(`${file} contains the name ${JSON.stringify(name)} twice in one object. Remove one of them.`);
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

function placeOf(message: string, json: string): string {
  const position = positionOf(message, json);
  if (position === undefined) return "";
  const before = json.slice(0, position).split("\n");
  return ` at line ${String(before.length)}, column ${String((before.at(-1) ?? "").length + 1)}`;
}

/** Returns the position of a syntax error. V8 does not tell it in every message. */
function positionOf(message: string, json: string): number | undefined {
  const told = /at position (\d+)/.exec(message)?.[1];
  if (told !== undefined) return Number(told);
  if (!isUnexpectedToken(message)) return json.length;
  if (json.length > longestSearch) return undefined;
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
