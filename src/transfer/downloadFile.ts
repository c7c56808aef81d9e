import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { lstat, open, rename, rm } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import type { AbortSignalLike } from "@azure/abort-controller";
import type { OutputFilePart } from "../index.ts";
import type { OutputDirectoryName, OutputFileReader } from "./downloadOutputDirectory.ts";
import type { OutputFileEntry } from "./outputTree.ts";
import { partialPathOf } from "./targetFolder.ts";
import type { ReportBytes, TransferOutcome } from "./transfer.ts";
import { TransferError } from "./transferError.ts";

/** What is read at once: as much as storage makes an MD5 of. */
const partLength = 4 * 1024 * 1024;
/** How often a file that changes meanwhile, or a part that arrives damaged, is asked for. */
const attempts = 4;

/** How a file is downloaded. */
export interface FileDownload {
  readonly report: ReportBytes;
  readonly abortSignal: AbortSignalLike;
  /** Whether a file that seems to be there is compared byte by byte. */
  readonly verify: boolean;
}

type Entry = OutputFileEntry & { readonly localPath: string };
type ReadPart = (offset: number) => Promise<OutputFilePart>;

/** Downloads a file unless it is there; goes on with what an earlier transfer has left. */
export async function downloadFile(
  jobs: OutputFileReader,
  source: OutputDirectoryName,
  file: Entry,
  { report, abortSignal, verify }: FileDownload,
): Promise<TransferOutcome> {
  const read: ReadPart = (offset) => readSoundPart(jobs, source, file, offset, abortSignal);
  if ((await seemsToBeThere(file)) && (!verify || (await hasSameContent(file, read)))) return "unchanged";
  const version = `${file.size} ${file.lastModified?.toISOString() ?? ""}`;
  const partial = partialPathOf(file.localPath, version);
  const { O_CREAT, O_NOFOLLOW, O_RDWR } = constants;
  const handle = await open(partial, O_CREAT | O_RDWR | ((O_NOFOLLOW as number | undefined) ?? 0), 0o666);
  let begun: number;
  try {
    begun = await fill(handle, file, read, report);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(partial, file.localPath).catch(async (error: unknown) => {
    await rm(partial, { force: true });
    throw error;
  });
  return begun > 0 ? "resumed" : "transferred";
}

/** Like its original by size and time, as far as the service tells them. */
async function seemsToBeThere({ localPath, size, lastModified }: Entry): Promise<boolean> {
  const there = await lstat(localPath).catch(() => undefined);
  if (!there?.isFile() || there.size !== size || lastModified === undefined) return false;
  return Math.floor(there.mtimeMs / 1000) === Math.floor(lastModified.getTime() / 1000);
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

/** Brings a file up to its end, and answers where it began. Starts anew when the original changes meanwhile. */
async function fill(handle: FileHandle, file: Entry, read: ReadPart, report: ReportBytes): Promise<number> {
  const { size: present } = await handle.stat();
  // Only whole parts are known to have arrived.
  let begin = Math.floor(Math.min(present, file.size) / partLength) * partLength;
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const last = await fillFrom(handle, begin, file, read, report);
    if (last !== "changed") {
      const time = last.lastModified ?? file.lastModified;
      if (time !== undefined) await handle.utimes(time, time);
      return begin;
    }
    begin = 0;
  }
  const reason =
    "it changes again and again while it is read; wait for the end of the job, or follow it by streamOutputFile";
  throw new TransferError("downloadOutputDirectory", file.path, reason);
}

async function fillFrom(
  handle: FileHandle,
  begin: number,
  file: Entry,
  read: ReadPart,
  report: ReportBytes,
): Promise<OutputFilePart | "changed"> {
  let etag: string | undefined;
  for (let offset = begin; ;) {
    const part = await read(offset);
    if (etag !== undefined && part.etag !== undefined && part.etag !== etag) return "changed";
    etag = part.etag;
    await writeAll(handle, part.content, offset);
    offset += part.content.length;
    const size = part.fileSize ?? Math.max(file.size, offset);
    report(offset, size);
    if (part.content.length === partLength && offset !== part.fileSize) continue;
    // Shorter than it says, or than what an earlier transfer has got of it.
    if (offset !== size) return "changed";
    await handle.truncate(offset);
    return part;
  }
}

/** Reads a part until it has the MD5 that the storage made of it; where there is none, its length was checked. */
async function readSoundPart(
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
  const reason = `the bytes from ${offset} arrive damaged again and again: their MD5 is not the one of the storage`;
  throw new TransferError("downloadOutputDirectory", path, reason);
}

async function writeAll(handle: FileHandle, content: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < content.length;) {
    const { bytesWritten } = await handle.write(content, done, content.length - done, position + done);
    done += bytesWritten;
  }
}
