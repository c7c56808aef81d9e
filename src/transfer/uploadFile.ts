import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { AbortError } from "@azure/abort-controller";
import type { AbortSignalLike } from "@azure/abort-controller";
import { isRestError } from "@azure/core-rest-pipeline";
import type { LocalFile } from "./localTree.ts";
import type { ShareFile, ShareFileProperties } from "./share.ts";
import { TransferError } from "./transferError.ts";
import type { ReportBytes, TransferOutcome } from "./transfer.ts";

/** Length of a part: the longest range that Azure Files accepts. */
const partLength = 4 * 1024 * 1024;
/** Number of bytes between two checkpoints. */
const checkpointInterval = 8 * partLength;
/**
 * Name of the metadata that stores the checkpoint of an incomplete file: the MD5 of the whole file and the number of
 * uploaded bytes.
 */
const checkpointName = "batchaiupload";

/** Uploads a file unless the share already has it. Resumes an earlier upload. */
export async function uploadFile(
  target: ShareFile,
  file: LocalFile,
  report: ReportBytes,
  abortSignal: AbortSignalLike,
): Promise<TransferOutcome> {
  const { O_NOFOLLOW, O_RDONLY } = constants;
  const handle = await open(file.localPath, O_RDONLY | ((O_NOFOLLOW as number | undefined) ?? 0));
  try {
    const before = await handle.stat({ bigint: true });
    const size = Number(before.size);
    const md5 = await md5Of(handle, abortSignal);
    const existing = await existingProperties(target, abortSignal);
    if (existing?.contentLength === size && existing.contentMD5 && md5.equals(existing.contentMD5)) return "unchanged";
    const start = existing?.contentLength === size ? bytesInCheckpoint(existing, md5) : 0;
    if (start === 0) await target.create(size, { abortSignal });
    for (let offset = start; offset < size; offset += partLength) {
      // No checkpoint is needed at the start, or where an earlier upload stored one.
      if (offset > start && offset % checkpointInterval === 0) {
        await target.setMetadata({ [checkpointName]: `${md5.toString("hex")}-${offset}` }, { abortSignal });
      }
      const part = await partOf(handle, offset);
      await target.uploadRange(part, offset, part.length, { abortSignal, contentMD5: hashOf(part) });
      report(offset + part.length, size);
    }
    const after = await handle.stat({ bigint: true });
    if (after.size !== before.size || after.mtimeNs !== before.mtimeNs) {
      throw new TransferError("uploadDirectory", file.path, "it changed during the upload; upload it again");
    }
    // The MD5 is stored last, because a file that has its MD5 counts as complete.
    const headers = { fileContentMD5: md5, fileContentType: "application/octet-stream" };
    if (size > checkpointInterval) await target.setMetadata({}, { abortSignal });
    await target.setHttpHeaders(headers, { abortSignal });
    return start > 0 ? "resumed" : "transferred";
  } finally {
    await handle.close();
  }
}

async function existingProperties(
  target: ShareFile,
  abortSignal: AbortSignalLike,
): Promise<ShareFileProperties | undefined> {
  try {
    return await target.getProperties({ abortSignal });
  } catch (error) {
    if (isRestError(error) && error.statusCode === 404) return undefined;
    throw error;
  }
}

/** Returns the number of bytes in the checkpoint, if it belongs to the same content. */
function bytesInCheckpoint({ metadata = {} }: ShareFileProperties, md5: Buffer): number {
  const [hash, bytes] = (metadata[checkpointName] ?? "").split("-");
  const count = Number(bytes);
  return hash === md5.toString("hex") && Number.isSafeInteger(count) && count % partLength === 0 ? count : 0;
}

async function md5Of(handle: FileHandle, abortSignal: AbortSignalLike): Promise<Buffer> {
  const hash = createHash("md5");
  for (let offset = 0; ; offset += partLength) {
    if (abortSignal.aborted) throw new AbortError("The upload was aborted.");
    const part = await partOf(handle, offset);
    hash.update(part);
    if (part.length < partLength) return hash.digest();
  }
}

async function partOf(handle: FileHandle, offset: number): Promise<Buffer> {
  const part = Buffer.allocUnsafe(partLength);
  let length = 0;
  for (;;) {
    const { bytesRead } = await handle.read(part, length, partLength - length, offset + length);
    length += bytesRead;
    if (bytesRead === 0 || length === partLength) return part.subarray(0, length);
  }
}

function hashOf(part: Buffer): Buffer {
  return createHash("md5").update(part).digest();
}
