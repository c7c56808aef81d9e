import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { nodeEnvironment } from "./nodeEnvironment.ts";

let found: string | undefined;

/** Returns the absolute path of bash on the search path of the service; undefined if there is none. Looks for it once. */
export async function findBash(): Promise<string | undefined> {
  const { PATH = "" } = nodeEnvironment();
  for (const folder of PATH.split(delimiter).filter((name) => name.startsWith("/"))) {
    found ??= await executable(join(folder, "bash"));
  }
  return found;
}

async function executable(path: string): Promise<string | undefined> {
  return access(path, constants.X_OK).then(
    () => path,
    () => undefined,
  );
}

/** Returns the version of a bash as `[5, 2]`. */
export async function bashVersion(path: string): Promise<[number, number]> {
  const { stdout } = await promisify(execFile)(path, ["-p", "-c", 'echo "${BASH_VERSINFO[*]}"']);
  const [major = 0, minor = 0] = stdout.split(" ").map(Number);
  return [major, minor];
}
