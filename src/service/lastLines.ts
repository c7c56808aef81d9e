import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { maskSecrets } from "./maskSecrets.ts";

const mostLines = 20;
const mostBytes = 4096;
/** Bytes that are read. More than is returned, because control characters and secrets are removed. */
const readBytes = 4 * mostBytes;

/**
 * Returns the last lines of a text file that a job has written, without control characters and secrets. Undefined if it is
 * not a regular file. Neither follows a link at the end of the path nor waits for a pipe.
 */
export async function lastLines(path: string, secrets: readonly string[]): Promise<string | undefined> {
  const longestSecret = Math.max(0, ...secrets.map((secret) => Buffer.byteLength(secret)));
  const end = await readEnd(path, readBytes + longestSecret);
  if (end === undefined) return undefined;
  const { bytes, isWhole } = end;
  // A part of a secret could be at the beginning.
  const text = maskSecrets(clean(bytes.toString("utf8")), secrets.map(clean), isWhole ? 0 : longestSecret);
  return withinLimits(text.trimEnd().split("\n").map(asShown).slice(-mostLines));
}

async function readEnd(path: string, most: number): Promise<{ bytes: Buffer; isWhole: boolean } | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  try {
    const stat = await file.stat();
    if (!stat.isFile()) return undefined;
    const length = Math.min(stat.size, most);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, stat.size - length);
    return { bytes: buffer.subarray(0, bytesRead), isWhole: stat.size <= most };
  } finally {
    await file.close();
  }
}

/**
 * Control sequences of terminals: CSI, OSC with its text, other strings, and short ones. Takes time in proportion to the text,
 * which the function of Node.js does not.
 */
const controlSequences = new RegExp(
  [
    String.raw`[\x1b]\[[0-?]*[ -/]*[@-~]`,
    String.raw`[\x1b][\]PX^_][^\x07\x1b]*(?:[\x07]|[\x1b]\\)?`,
    String.raw`[\x1b][ -/]*[0-~]`,
  ].join("|"),
  "g",
);

function clean(text: string): string {
  return text.replaceAll(controlSequences, "").replaceAll(/(?![\n\t\r])\p{Cc}/gu, "");
}

/** Returns what a terminal would show of a line: a progress bar overwrites itself. */
function asShown(line: string): string {
  return line.split("\r").findLast((part) => part !== "") ?? "";
}

function withinLimits(lines: readonly string[]): string {
  const text = lines.join("\n");
  if (Buffer.byteLength(text) <= mostBytes) return text;
  if (lines.length > 1) return withinLimits(lines.slice(1));
  return Buffer.from(text)
    .subarray(-mostBytes)
    .toString("utf8")
    .replace(/^\ufffd+/, "");
}
