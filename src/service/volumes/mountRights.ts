import { readFile } from "node:fs/promises";

/** Whether users other than the one who mounts a FUSE file system may be let into it. */
export async function mayAllowOthers(): Promise<boolean> {
  if (process.getuid?.() === 0) return true;
  const settings = await readFile("/etc/fuse.conf", "utf8").catch(() => "");
  return /^\s*user_allow_other\s*$/m.test(settings);
}
