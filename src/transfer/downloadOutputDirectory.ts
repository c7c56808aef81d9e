import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Jobs } from "../index.ts";
import { downloadFile } from "./downloadFile.ts";
import { partialPattern, TargetFolder } from "./targetFolder.ts";
import { listOutputTree } from "./outputTree.ts";
import { abortError, checkOptions, describe, transferFiles } from "./transfer.ts";
import type { TransferOptions, TransferSummary } from "./transfer.ts";

/** What reads the output files: `client.jobs`. */
export type OutputFileReader = Pick<Jobs, "listOutputFiles" | "readOutputFile">;

/** Names an output directory of a job. */
export interface OutputDirectoryName {
  /** Resource group of the workspace. */
  resourceGroupName: string;
  /** Workspace of the experiment. */
  workspaceName: string;
  /** Experiment of the job. */
  experimentName: string;
  /** The job. */
  jobName: string;
  /** Id of one of the job's `outputDirectories`, or `stdouterr` for its logs. */
  outputDirectoryId: string;
  /** Directory inside the output directory, for example `models/final`. Default: the output directory itself. */
  directory?: string;
}

/** Options of {@link downloadOutputDirectory}. */
export interface DownloadOptions extends TransferOptions {
  /**
   * Whether files that are there already are read again from the service and compared byte by byte, instead of by size and
   * time. Default: false.
   */
  verify?: boolean;
}

/**
 * Downloads an output directory of a job with everything below it. A file appears under its name only when it is
 * complete, with the time of its original; an earlier transfer that was interrupted is gone on with, and files that have
 * the size and time of their original are left alone. Parts are checked by the MD5 that the storage makes of them, where it
 * makes one, and files by their length. Nothing is ever written outside the folder: names that would lead elsewhere are
 * skipped, and symbolic links in the folder are not followed.
 *
 * Rejects with a `TransferError` that names the file, with an `AbortError`, or with a `RestError` such as `JobNotFound`.
 *
 * @param jobs - `client.jobs`.
 * @param source - The output directory.
 * @param localFolder - Folder to download into; it is made when it is not there.
 * @param options - How to download.
 * @throws TypeError when an option cannot be meant.
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
    for (const directory of tree.directories) await folder.makeDirectory(directory);
    const waiting = tree.files.map((file) => ({ ...file, localPath: join(folder.path, file.path) }));
    const files = await transferFiles(operation, waiting, options, (file, report, abortSignal) =>
      downloadFile(jobs, source, file, { report, abortSignal, verify: options.verify ?? false }),
    );
    for (const directory of ["", ...tree.directories]) await removePartials(join(folder.path, directory));
    return { files, skipped: tree.skipped };
  } catch (error) {
    throw options.abortSignal?.aborted ? abortError(operation) : describeFolder(operation, error);
  }
}

/** What is left of files that have changed since an interrupted transfer is of no use any more. */
async function removePartials(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (partialPattern.test(name)) await rm(join(directory, name), { force: true });
  }
}

/** Errors of the file system tell a path of this machine; those of the service are as they are. */
function describeFolder(operation: string, error: unknown): unknown {
  return error instanceof Error && "syscall" in error ? describe(operation, ".", error) : error;
}
