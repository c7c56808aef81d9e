import { describe, expect, it } from "vitest";
import { linesOf, textOf } from "../../src/operations/outputText.ts";
import { collect, rejectionOf } from "./fixtures.ts";

const subject = "jobs.streamOutputFile: f of job j";

async function* repeated(piece: Uint8Array, times: number): AsyncGenerator<Uint8Array> {
  for (let time = 0; time < times; time += 1) yield Promise.resolve(piece);
}

async function* piecesOf(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Promise.resolve(new TextEncoder().encode(text));
}

/** Processor time in microseconds to read one line in pieces of 16 KiB. */
async function costOf(pieces: number): Promise<number> {
  const piece = new Uint8Array(16 * 1024).fill(120);
  const before = process.cpuUsage();
  const lines = await collect(linesOf(repeated(piece, pieces), subject));
  expect(lines.map(({ length }) => length)).toEqual([pieces * piece.length]);
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

describe("lines of output", () => {
  it("may end in the middle of a piece, between its pieces, or not at all", async () => {
    const pieces = piecesOf("one\r", "\ntw", "o\n\n", "", "th", "re", "e\nfour\r\nfive\r");
    expect(await collect(linesOf(pieces, subject))).toEqual(["one", "two", "", "three", "four", "five\r"]);
    expect(await collect(linesOf(piecesOf(), subject))).toEqual([]);
  });

  it("take linear time, also if one line is long", async () => {
    await costOf(500);
    const small = await costOf(1000);
    const large = await costOf(4000);
    expect(large / small).toBeLessThan(10);
  });

  it("say what to do if a line, or the whole text, is too long for a string", async () => {
    const piece = new Uint8Array(16 * 1024 * 1024).fill(120);
    for (const [text, part] of [
      [collect(linesOf(repeated(piece, 40), subject)), "a line"],
      [textOf(repeated(piece, 40), subject), "the content"],
    ] as const) {
      const error = await rejectionOf(text);
      expect(error).toBeInstanceOf(RangeError);
      expect(error.message).toMatch(
        new RegExp(
          `^${subject}: ${part} has more than \\d+ characters, too many for a string\\. Iterate over the bytes`,
        ),
      );
    }
  });
});
