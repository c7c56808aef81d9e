import { abortError, checkOptions, withPath, transferFiles } from "./transfer.ts";
import type { TransferOptions, TransferSummary } from "./transfer.ts";
import { listLocalTree } from "./localTree.ts";
import type { ShareDirectory } from "./share.ts";
import { uploadFile } from "./uploadFile.ts";

/**
 * Uploads a folder with all its content to a directory of a file share. The share checks the MD5 of each part. At the
 * end, the MD5 of the whole file is stored with it, so the next upload can skip complete, unchanged files. Large files
 * resume where an interrupted upload stopped. Skips symbolic links and special files. Leaves everything else in the
 * directory unchanged.
 *
 * Rejects with a `TransferError` that names the file, or with an `AbortError`.
 *
 * @param target - A `ShareDirectoryClient` from `@azure/storage-file-share`. The directory is created if it does not
 * exist; its parent must exist.
 * @param localFolder - Folder to upload.
 * @param options - Options of the upload.
 * @throws TypeError if an option is not valid.
 */
export async function uploadDirectory(
  target: ShareDirectory,
  localFolder: string,
  options: TransferOptions = {},
): Promise<TransferSummary> {
  const operation = "uploadDirectory";
  checkOptions(operation, options);
  try {
    const tree = await listLocalTree(localFolder, options).catch((error: unknown) => {
      throw withPath(operation, ".", error);
    });
    const directories = await createDirectories(target, tree.directories, options);
    const files = await transferFiles(operation, tree.files, options, (file, report, abortSignal) => {
      const directory = directories.get(file.directory) ?? target;
      return uploadFile(directory.getFileClient(file.name), file, report, abortSignal);
    });
    return { files, skipped: tree.skipped };
  } catch (error) {
    throw options.abortSignal?.aborted ? abortError(operation, options.abortSignal) : error;
  }
}

/** Creates the directories, each after its parent. The share itself must exist. */
async function createDirectories(
  target: ShareDirectory,
  paths: readonly string[],
  { abortSignal }: TransferOptions,
): Promise<Map<string, ShareDirectory>> {
  const created = new Map<string, ShareDirectory>([["", target]]);
  try {
    if (target.path !== "") await target.createIfNotExists({ abortSignal });
  } catch (error) {
    throw withPath("uploadDirectory", target.path, error);
  }
  for (const path of paths) {
    const split = path.lastIndexOf("/");
    const directory = created.get(path.slice(0, Math.max(0, split)))?.getDirectoryClient(path.slice(split + 1));
    if (directory === undefined) continue;
    try {
      await directory.createIfNotExists({ abortSignal });
    } catch (error) {
      throw withPath("uploadDirectory", path, error);
    }
    created.set(path, directory);
  }
  return created;
}
