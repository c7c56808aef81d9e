import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** 4 MiB, the length of what is transferred at once. */
export const part = 4 * 1024 * 1024;

/** Files of all the sizes that matter, by path. */
export function someFiles(): Record<string, Buffer> {
  return {
    "empty.txt": Buffer.alloc(0),
    "small.txt": Buffer.from("small\n"),
    "models/one part": randomBytes(part),
    "models/final/two parts.bin": randomBytes(2 * part),
    "models/final/größer.bin": randomBytes(2 * part + 1),
    "#1/100%.txt": Buffer.from("percent"),
  };
}

/** Writes files into a folder. */
export async function writeFiles(folder: string, files: Record<string, Buffer>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

/** Hashes of all files below a folder, by path. */
export async function hashesIn(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const hashes = entries
    .filter((entry) => entry.isFile())
    .map(async (entry): Promise<[string, string]> => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(folder.length + 1), hashOf(await readFile(path))];
    });
  return Object.fromEntries((await Promise.all(hashes)).sort());
}

/** Hashes of files that are not written anywhere. */
export function hashesOf(files: Record<string, Buffer>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(files)
      .map(([path, content]) => [path, hashOf(content)])
      .sort(),
  );
}

function hashOf(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}
