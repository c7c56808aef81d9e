/**
 * Splits UTF-8 text into lines without their line ends (LF or CR LF). Rejects with a `RangeError` if a line is too long
 * for a string.
 *
 * @param subject - Description of the text for errors, for example `jobs.run: stdout.txt of job myjob`.
 */
export async function* linesOf(pieces: AsyncIterable<Uint8Array>, subject: string): AsyncGenerator<string> {
  let rest = "";
  for await (const text of textsOf(pieces)) {
    // Only the new text is searched for line ends: searching a long line again with each piece would take quadratic time.
    const [end = "", ...lines] = text.split("\n");
    rest = joined(rest, end, subject, "a line");
    for (const line of lines) {
      yield withoutCarriageReturn(rest);
      rest = line;
    }
  }
  if (rest !== "") yield rest;
}

/** Decodes a whole UTF-8 text. Rejects with a `RangeError` if it is too long for a string. */
export async function textOf(pieces: AsyncIterable<Uint8Array>, subject: string): Promise<string> {
  let all = "";
  for await (const text of textsOf(pieces)) all = joined(all, text, subject, "the content");
  return all;
}

async function* textsOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const piece of pieces) yield decoder.decode(piece, { stream: true });
  yield decoder.decode();
}

function withoutCarriageReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}

function joined(start: string, end: string, subject: string, part: string): string {
  try {
    return start + end;
  } catch (cause) {
    // Engines have different limits, and report them with different errors.
    const message =
      `${subject}: ${part} has more than ${start.length} characters, too many for a string. ` +
      "Iterate over the bytes of the stream instead.";
    throw new RangeError(message, { cause });
  }
}
