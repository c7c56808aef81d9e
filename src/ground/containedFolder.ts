import { mkdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { isWithin } from "./containment.ts";
import { errorCode } from "./systemErrors.ts";

/**
 * Creates a folder and those above it in a root. Looks after each step where it leads before the next one, so a symbolic
 * link in the path never creates anything outside of the root.
 *
 * @param realRoot - Real path of an existing folder.
 * @param relativePath - Path in it, without `..`.
 * @param rootName - Name of the root in error messages.
 * @returns Real path of the folder. Rejects with an `Error` if a step leads out of the root, or is a file.
 */
export async function createContainedFolder(realRoot: string, relativePath: string, rootName: string): Promise<string> {
  let real = realRoot;
  for (const step of relativePath.split("/").filter(Boolean)) {
    const next = join(real, step);
    await mkdir(next).catch((error: unknown) => {
      if (errorCode(error) !== "EEXIST") throw error;
    });
    real = await realpath(next);
    if (!isWithin(realRoot, real)) throw new Error(`${step} is a symbolic link that leads out of ${rootName}`);
    if (!(await stat(real)).isDirectory()) throw new Error(`${step} is a file, not a folder`);
  }
  return real;
}
