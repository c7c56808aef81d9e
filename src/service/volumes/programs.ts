import { access, constants, readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";

/** Returns the absolute path of a program on the search path of the service; undefined if there is none. */
export async function findProgram(name: string): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? "").split(delimiter).filter((part) => part.startsWith("/"))) {
    const path = join(folder, name);
    if (await access(path, constants.X_OK).then(yes, no)) return path;
  }
  return undefined;
}

/** Whether users other than the one who mounts a FUSE file system may be let into it. */
export async function mayAllowOthers(): Promise<boolean> {
  if (process.getuid?.() === 0) return true;
  const settings = await readFile("/etc/fuse.conf", "utf8").catch(() => "");
  return /^\s*user_allow_other\s*$/m.test(settings);
}

const yes = () => true;
const no = () => false;
