import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { withinTime } from "../ground/withinTime.ts";

const timeoutInMs = 2000;
const { O_WRONLY, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_APPEND } = constants;

/** Flags with which a file of a job is opened: it could have put a link or a pipe in its place. */
export const ownFileOnly = O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK;

/** Returns a text as a line of an execution log. */
export function logLine(text: string): string {
  const time = new Date().toISOString().replace(/\.\d+/, "");
  return `${time} ${text.replaceAll("\n", " ")}\n`;
}

/**
 * Appends a line to execution logs. They are for people, so nothing depends on them: waits for two seconds at most, because
 * they may be on a volume that does not respond, and never rejects.
 */
export async function appendToLogs(paths: readonly string[], text: string): Promise<void> {
  const line = logLine(text);
  const writing = paths.map((path) => append(path, line).catch(() => undefined));
  await withinTime(Promise.all(writing), timeoutInMs);
}

async function append(path: string, line: string): Promise<void> {
  const file = await open(path, ownFileOnly | O_APPEND, 0o666);
  try {
    await file.writeFile(line);
  } finally {
    await file.close();
  }
}
