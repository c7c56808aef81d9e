import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { downloadFile } from "./downloadFile.ts";
import { partialPattern, TargetFolder } from "./targetFolder.ts";
import type { OutputDirectoryName, OutputFileReader } from "./outputDirectory.ts";
import { listOutputTree } from "./outputTree.ts";
import { abortError, checkOptions, withPath, transferFiles } from "./transfer.ts";
import type { TransferOptions, TransferSummary } from "./transfer.ts";

/** Options of {@link downloadOutputDirectory}. */
export interface DownloadOptions extends TransferOptions {
  /**
   * Whether to compare existing files byte by byte with the service's content, instead of by size and time.
   * Default: false.
   */
  verify?: boolean;
}

/**
 * Downloads an output directory of a job with all its content. A file gets its final name, and the original's
 * modification time, only when it is complete. Resumes an interrupted transfer, and skips files whose size and time
 * match the original. Checks the length of each file, and the MD5 of each part if the storage returns one. Never writes
 * outside the folder: skips names that would lead out of it, and does not follow symbolic links in it.
 *
 * Rejects with a `TransferError` that names the file, with an `AbortError`, or with a `RestError` such as
 * `JobNotFound`.
 *
 * @param jobs - `client.jobs`.
 * @param source - The output directory.
 * @param localFolder - Folder to download to. Created if it does not exist.
 * @param options - Options of the download.
 * @throws TypeError if an option is not valid.
 */
export async function downloadOutputDirectory(
  jobs: OutputFileReader,
  source: OutputDirectoryName,
  localFolder: string,
  options: DownloadOptions = {},
): Promise<TransferSummary> {
  const operation = "downloadOutputDirectory";
  checkOptions(operation, options);
  try {
    const tree = await listOutputTree(jobs, source, options);
    const folder = await TargetFolder.open(localFolder);
    for (const directory of tree.directories) await folder.createDirectory(directory);
    const waiting = tree.files.map((file) => ({ ...file, localPath: join(folder.path, file.path) }));
    const files = await transferFiles(operation, waiting, options, (file, report, abortSignal) =>
      downloadFile(jobs, source, file, { report, abortSignal, verify: options.verify ?? false }),
    );
    for (const directory of ["", ...tree.directories]) await removePartials(join(folder.path, directory));
    return { files, skipped: tree.skipped };
  } catch (error) {
    throw options.abortSignal?.aborted ? abortError(operation, options.abortSignal) : withFolder(operation, error);
  }
}

/** Deletes the partial files of an earlier transfer, which no longer match any original. */
async function removePartials(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (partialPattern.test(name)) await rm(join(directory, name), { force: true });
  }
}

/** Adds the folder to an error of the file system. Returns errors of the service unchanged. */
function withFolder(operation: string, error: unknown): unknown {
  return error instanceof Error && "syscall" in error ? withPath(operation, ".", error) : error;
}
