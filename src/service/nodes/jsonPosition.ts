/**
 * Parses JSON that a person has written.
 * @throws Error that names the file, the line and the column if the text is not valid JSON.
 */
export function parseJson(text: string, file: string): unknown {
  const json = text.replace(/^\uFEFF/, "");
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
