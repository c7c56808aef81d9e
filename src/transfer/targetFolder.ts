import { createHash } from "node:crypto";
import { lstat, mkdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { errorCode } from "../ground/systemErrors.ts";
import { TransferError } from "./transferError.ts";

/** Names of incomplete files. */
export const partialPattern = /^\.batchai-[0-9a-f]{32}\.partial$/;

/**
 * Returns the temporary path of an incomplete file: in the same folder, with a name that identifies the version of the
 * file.
 */
export function partialPathOf(localPath: string, version: string): string {
  const hash = createHash("sha256")
    .update(`${basename(localPath)}\n${version}`)
    .digest("hex")
    .slice(0, 32);
  return join(dirname(localPath), `.batchai-${hash}.partial`);
}

/** A folder to download to. No path in it may lead out of it. */
export class TargetFolder {
  /** Absolute path of the folder. */
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Creates the folder if it does not exist. */
  static async open(path: string): Promise<TargetFolder> {
    await mkdir(path, { recursive: true });
    return new TargetFolder(resolve(path));
  }

  /**
   * Creates a directory, whose parent must exist. Throws if something else has its name, for example a symbolic link.
   */
  async createDirectory(path: string): Promise<void> {
    const localPath = join(this.path, path);
    await mkdir(localPath).catch((error: unknown) => {
      if (errorCode(error) !== "EEXIST") throw error;
    });
    if ((await lstat(localPath)).isDirectory()) return;
    const reason = `${localPath} already exists and is not a directory; symbolic links are not followed`;
    throw new TransferError("downloadOutputDirectory", path, reason);
  }
}
