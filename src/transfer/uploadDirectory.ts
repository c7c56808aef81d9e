import { abortError, checkOptions, describe, transferFiles } from "./transfer.ts";
import type { TransferOptions, TransferSummary } from "./transfer.ts";
import { listLocalTree } from "./localTree.ts";
import type { ShareDirectory } from "./share.ts";
import { uploadFile } from "./uploadFile.ts";

/**
 * Uploads a folder with everything below it into a directory of a file share. Every part is checked by its MD5 on arrival,
 * and the MD5 of the whole is stored with the file at the end, so that the next upload knows which files are complete and
 * leaves those alone that have not changed; large ones go on where an interrupted upload stopped. Symbolic links and
 * special files are skipped. What the directory holds besides stays.
 *
 * Rejects with a `TransferError` that names the file, or with an `AbortError`.
 *
 * @param target - A `ShareDirectoryClient` of `@azure/storage-file-share`; the directory is made when it is not there, its
 * parent has to be.
 * @param localFolder - Folder to upload.
 * @param options - How to upload.
 * @throws TypeError when an option cannot be meant.
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
      throw describe(operation, ".", error);
    });
    const directories = await makeDirectories(target, tree.directories, options);
    const files = await transferFiles(operation, tree.files, options, (file, report, abortSignal) => {
      const directory = directories.get(file.directory) ?? target;
      return uploadFile(directory.getFileClient(file.name), file, report, abortSignal);
    });
    return { files, skipped: tree.skipped };
  } catch (error) {
    throw options.abortSignal?.aborted ? abortError(operation) : error;
  }
}

/** Makes the directories, each after its parent; the share itself is there already. */
async function makeDirectories(
  target: ShareDirectory,
  paths: readonly string[],
  { abortSignal }: TransferOptions,
): Promise<Map<string, ShareDirectory>> {
  const made = new Map<string, ShareDirectory>([["", target]]);
  try {
    if (target.path !== "") await target.createIfNotExists({ abortSignal });
  } catch (error) {
    throw describe("uploadDirectory", target.path, error);
  }
  for (const path of paths) {
    const split = path.lastIndexOf("/");
    const directory = made.get(path.slice(0, Math.max(0, split)))?.getDirectoryClient(path.slice(split + 1));
    if (directory === undefined) continue;
    try {
      await directory.createIfNotExists({ abortSignal });
    } catch (error) {
      throw describe("uploadDirectory", path, error);
    }
    made.set(path, directory);
  }
  return made;
}
