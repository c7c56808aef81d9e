import { createHash } from "node:crypto";
import { lstat, mkdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { TransferError } from "./transferError.ts";

/** Names of files that are not complete yet. */
export const partialPattern = /^\.batchai-[0-9a-f]{32}\.partial$/;

/** Where a file is kept until it is complete: beside its place, with a name that stands for this very version of it. */
export function partialPathOf(localPath: string, version: string): string {
  const hash = createHash("sha256")
    .update(`${basename(localPath)}\n${version}`)
    .digest("hex")
    .slice(0, 32);
  return join(dirname(localPath), `.batchai-${hash}.partial`);
}

/** A folder that files are put into; nothing of it may lie elsewhere. */
export class TargetFolder {
  /** Its absolute path. */
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Makes the folder where it is missing. */
  static async open(path: string): Promise<TargetFolder> {
    await mkdir(path, { recursive: true });
    return new TargetFolder(resolve(path));
  }

  /** Makes a directory, whose parent is there already. Throws when something else has its name, a link above all. */
  async makeDirectory(path: string): Promise<void> {
    const localPath = join(this.path, path);
    await mkdir(localPath).catch((error: unknown) => {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    });
    if ((await lstat(localPath)).isDirectory()) return;
    const reason = `${localPath} is there already and no directory; links are not followed`;
    throw new TransferError("downloadOutputDirectory", path, reason);
  }
}
