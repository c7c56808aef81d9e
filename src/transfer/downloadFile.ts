import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { lstat, open, rename, rm } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import type { AbortSignalLike } from "@azure/abort-controller";
import type { OutputFilePart } from "../index.ts";
import type { OutputDirectoryName, OutputFileReader } from "./outputDirectory.ts";
import type { OutputFileEntry } from "./outputTree.ts";
import { partialPathOf } from "./targetFolder.ts";
import type { ReportBytes, TransferOutcome } from "./transfer.ts";
import { TransferError } from "./transferError.ts";

/** Length of a part: the storage returns an MD5 only up to this length. */
const partLength = 4 * 1024 * 1024;
/** Number of attempts if a file changes during the download, or if a part arrives corrupted. */
const attempts = 4;

/** Options of the download of a file. */
export interface FileDownload {
  readonly report: ReportBytes;
  readonly abortSignal: AbortSignalLike;
  /** Whether to compare a file that seems complete byte by byte. */
  readonly verify: boolean;
}

type Entry = OutputFileEntry & { readonly localPath: string };
type ReadPart = (offset: number) => Promise<OutputFilePart>;

/** Downloads a file unless it already exists. Resumes an earlier transfer. */
export async function downloadFile(
  jobs: OutputFileReader,
  source: OutputDirectoryName,
  file: Entry,
  { report, abortSignal, verify }: FileDownload,
): Promise<TransferOutcome> {
  const read: ReadPart = (offset) => readCheckedPart(jobs, source, file, offset, abortSignal);
  if ((await seemsUnchanged(file)) && (!verify || (await hasSameContent(file, read)))) return "unchanged";
  const version = `${file.size} ${file.lastModified?.toISOString() ?? ""}`;
  const partial = partialPathOf(file.localPath, version);
  const { O_CREAT, O_NOFOLLOW, O_RDWR } = constants;
  const handle = await open(partial, O_CREAT | O_RDWR | ((O_NOFOLLOW as number | undefined) ?? 0), 0o666);
  let start: number;
  try {
    start = await fill(handle, file, read, report);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(partial, file.localPath).catch(async (error: unknown) => {
    await rm(partial, { force: true });
    throw error;
  });
  return start > 0 ? "resumed" : "transferred";
}

/** Whether the local file matches the size and the modification time of the original. */
async function seemsUnchanged({ localPath, size, lastModified }: Entry): Promise<boolean> {
  const existing = await lstat(localPath).catch(() => undefined);
  if (!existing?.isFile() || existing.size !== size || lastModified === undefined) return false;
  return Math.floor(existing.mtimeMs / 1000) === Math.floor(lastModified.getTime() / 1000);
}

async function hasSameContent({ localPath }: Entry, read: ReadPart): Promise<boolean> {
  const handle = await open(localPath, "r");
  try {
    for (let offset = 0; ; offset += partLength) {
      const { content } = await read(offset);
      const own = await handle.read(Buffer.alloc(partLength), 0, partLength, offset);
      if (!own.buffer.subarray(0, own.bytesRead).equals(content)) return false;
      if (content.length < partLength) return true;
    }
  } finally {
    await handle.close();
  }
}

/**
 * Downloads the missing parts of a file, and returns the offset at which it started. Starts over if the original
 * changes during the download.
 */
async function fill(handle: FileHandle, file: Entry, read: ReadPart, report: ReportBytes): Promise<number> {
  const { size: present } = await handle.stat();
  // Only complete parts are reliable.
  let start = Math.floor(Math.min(present, file.size) / partLength) * partLength;
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const last = await fillFrom(handle, start, file, read, report);
    if (last !== "changed") {
      const time = last.lastModified ?? file.lastModified;
      if (time !== undefined) await handle.utimes(time, time);
      return start;
    }
    start = 0;
  }
  const reason =
    "it keeps changing during the download; wait until the job ends, or follow the file with streamOutputFile";
  throw new TransferError("downloadOutputDirectory", file.path, reason);
}

async function fillFrom(
  handle: FileHandle,
  start: number,
  file: Entry,
  read: ReadPart,
  report: ReportBytes,
): Promise<OutputFilePart | "changed"> {
  let etag: string | undefined;
  for (let offset = start; ;) {
    const part = await read(offset);
    if (etag !== undefined && part.etag !== undefined && part.etag !== etag) return "changed";
    etag = part.etag;
    await writeAll(handle, part.content, offset);
    offset += part.content.length;
    const size = part.fileSize ?? Math.max(file.size, offset);
    report(offset, size);
    if (part.content.length === partLength && offset !== part.fileSize) continue;
    // The file is shorter than announced, or shorter than its part from an earlier transfer.
    if (offset !== size) return "changed";
    await handle.truncate(offset);
    return part;
  }
}

/**
 * Reads a part until its MD5 matches the MD5 of the storage. If the storage returns no MD5, only the length is checked.
 */
async function readCheckedPart(
  jobs: OutputFileReader,
  { resourceGroupName, workspaceName, experimentName, jobName, outputDirectoryId, directory }: OutputDirectoryName,
  { path, downloadUrl }: Entry,
  offset: number,
  abortSignal: AbortSignalLike,
): Promise<OutputFilePart> {
  const names = [resourceGroupName, workspaceName, experimentName, jobName, outputDirectoryId] as const;
  const fullPath = directory === undefined ? path : `${directory}/${path}`;
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const options = { offset, length: partLength, includeMd5: true, downloadUrl, abortSignal };
    const part = await jobs.readOutputFile(...names, fullPath, options);
    const { content, contentMd5 } = part;
    if (contentMd5 === undefined || createHash("md5").update(content).digest("base64") === contentMd5) return part;
  }
  const reason = `the part at byte ${offset} repeatedly failed its MD5 check`;
  throw new TransferError("downloadOutputDirectory", path, reason);
}

async function writeAll(handle: FileHandle, content: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < content.length;) {
    const { bytesWritten } = await handle.write(content, done, content.length - done, position + done);
    done += bytesWritten;
  }
}
