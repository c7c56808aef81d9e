import { createHash, randomUUID } from "node:crypto";
import { constants, openSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { Blocks, release } from "../disk/blocks.ts";
import { readInto, writeAll } from "../disk/content.ts";
import { withDescriptor } from "../disk/descriptor.ts";
import { draftPrefix } from "../disk/drafts.ts";
import { StorageError } from "../errors.ts";
import { checkMd5, countHeader } from "./headers.ts";
import type { StorageRequest } from "./request.ts";
import type { StorageResponse } from "./response.ts";

/** Longest file content that one request may carry, as in Azure. */
export const largestUpload = 4 * 1024 * 1024;
/** Content up to this size is not worth waiting for a block. */
const smallUpload = 64 * 1024;
/** Time in milliseconds for which a request waits for a block that others use: they may have slow clients. */
const blockPatience = 500;
/** Time in milliseconds after which a disk that takes nothing is too busy for more. */
const longestWait = 60_000;

const blocks = new Blocks(largestUpload, 10);
/** For content that has come already, and needs a block only for as long as the disk does. */
const blocksForComplete = new Blocks(largestUpload, 2);

/** Length of the content that comes with a request. Throws when the request does not tell, or it is too long. */
export function uploadLength(request: StorageRequest): number {
  const length = countHeader(request, "content-length");
  if (length === undefined) throw new StorageError("MissingContentLengthHeader");
  if (length > largestUpload) throw new StorageError("RequestBodyTooLarge");
  return length;
}

/**
 * Receives the content that comes with a request as a whole, and hands it to `use`: nothing is written of content that
 * breaks off, or does not have the MD5 that the request announced. Content for which there is no memory, because too
 * many others are being received, waits in a file without a name in `folder` until it is complete.
 */
export async function withUpload<T>(
  { request, response }: { readonly request: StorageRequest; readonly response: StorageResponse },
  folder: string,
  use: (content: Buffer) => Promise<T>,
): Promise<T> {
  const length = uploadLength(request);
  const md5 = request.header("content-md5");
  if (md5 !== undefined) checkMd5(md5);
  const useChecked = (content: Buffer): Promise<T> => {
    if (md5 !== undefined && createHash("md5").update(content).digest("base64") !== md5) {
      throw new StorageError("Md5Mismatch");
    }
    return use(content);
  };
  const receiveInto = async (block: Buffer): Promise<T> => {
    await receive(request, response, length, (chunk, position) => {
      chunk.copy(block, position);
    });
    return useChecked(block.subarray(0, length));
  };
  if (length <= smallUpload) return receiveInto(Buffer.allocUnsafe(length));
  return blocks.lend(blockPatience, receiveInto, () =>
    withNamelessFile(folder, async (file) => {
      await receive(request, response, length, (chunk, position) => writeAll(file, chunk, position));
      const useFile = (block: Buffer): Promise<T> => readInto(file, block.subarray(0, length)).then(useChecked);
      return blocksForComplete.lend(longestWait, useFile, () => Promise.reject(new StorageError("ServerBusy")));
    }),
  );
}

/** MD5 that a request announced, and the endpoint found to be right. */
export function md5Header(request: StorageRequest): Record<string, string> {
  const md5 = request.header("content-md5");
  return md5 === undefined || request.header("content-length") === "0" ? {} : { "content-md5": md5 };
}

async function receive(
  request: StorageRequest,
  response: StorageResponse,
  length: number,
  take: (chunk: Buffer, position: number) => Promise<void> | void,
): Promise<void> {
  if (request.header("expect") !== undefined) response.writeContinue();
  let received = 0;
  for await (const chunk of request.message as AsyncIterable<Buffer>) {
    const taking = take(chunk, received);
    if (taking !== undefined) await taking;
    received += chunk.length;
    release(chunk);
  }
  if (received !== length) throw new StorageError("InvalidHeaderValue", { subject: "Content-Length" });
}

/** Opens a file that nobody can see, and that is gone when it is closed. */
async function withNamelessFile<T>(folder: string, use: (descriptor: number) => Promise<T>): Promise<T> {
  const path = join(folder, `${draftPrefix}${randomUUID()}`);
  return withDescriptor(
    openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600),
    (descriptor) => {
      unlinkSync(path);
      return use(descriptor);
    },
  );
}
