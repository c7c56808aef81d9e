import { chmodSync, lstatSync } from "node:fs";
import { chmod, lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { mountsBelow } from "./mountTable.ts";
import { errorCode } from "./systemErrors.ts";

/**
 * Removes a folder with everything in it, also folders that were made read-only. Never follows a symbolic link, and never
 * enters a file system that is mounted there: its content is not part of the folder.
 * Rejects if something is mounted in the folder; then nothing is removed.
 */
export async function removeTree(path: string): Promise<void> {
  const [mounted] = mountsBelow(path);
  if (mounted) throw new Error(`a file system is mounted at ${mounted.target}`);
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if (!isRefusal(error)) throw error;
    await makeTreeWritable(path);
    await rm(path, { recursive: true, force: true });
  }
}

/** Lets the owner of a folder change it, for example rename it. Has no effect on a file or link. */
export function makeWritable(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory()) chmodSync(path, stat.mode | 0o700);
}

/** Whether an error means that the user has no permission. */
export function isRefusal(error: unknown): boolean {
  return ["EACCES", "EPERM"].includes(errorCode(error) ?? "");
}

async function makeTreeWritable(path: string): Promise<void> {
  const stat = await lstat(path);
  if (!stat.isDirectory()) return;
  await chmod(path, stat.mode | 0o700);
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeTreeWritable(join(path, entry.name));
  }
}
