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

/** Largest file content in one request, in bytes, as in Azure. */
export const largestUpload = 4 * 1024 * 1024;
/** Content up to this size is received without waiting for a block. */
const smallUpload = 64 * 1024;
/** Time in milliseconds that a request waits for a block. Other requests may have slow clients. */
const blockPatience = 500;
/** Time in milliseconds after which a disk counts as too busy. */
const longestWait = 60_000;

const blocks = new Blocks(largestUpload, 10);
/** For content that was already received, and needs a block only while it is written. */
const blocksForComplete = new Blocks(largestUpload, 2);

/** Returns the length of the content in a request. Throws if the request does not have it, or if it is too long. */
export function uploadLength(request: StorageRequest): number {
  const length = countHeader(request, "content-length");
  if (length === undefined) throw new StorageError("MissingContentLengthHeader");
  if (length > largestUpload) throw new StorageError("RequestBodyTooLarge");
  return length;
}

/**
 * Receives the content of a request in full, and calls `use` with it. Incomplete content, or content that does not
 * match its `Content-MD5`, is not used. If too many other requests are receiving content to keep this one in memory, it
 * is kept in a nameless file in `folder` until it is complete.
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

/** Returns the MD5 in the request, which the endpoint has checked, as a response header. */
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

/** Opens a file without a name, which is deleted when it is closed. */
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
