/// <reference lib="es2024.arraybuffer" />
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { finished } from "node:stream/promises";
import { StorageError } from "./errors.ts";
import { checkMd5, countHeader } from "./headers.ts";
import type { StorageRequest } from "./request.ts";

/** Longest file content that one request may carry, as in Azure. */
export const largestUpload = 4 * 1024 * 1024;
/** Content up to this size is not worth waiting for a block. */
const smallUpload = 64 * 1024;
/** Blocks that all requests share, so that memory stays bounded however many clients upload at once. */
const mostBlocks = 12;
/** Time after which blocks that nobody needs are given back, in milliseconds. */
const idleTime = 5000;

const idleBlocks: Buffer[] = [];
const waiting: ((block: Buffer) => void)[] = [];
let forgetting: NodeJS.Timeout | undefined;
let blocks = 0;

/** Length of the content that comes with a request. Throws when the request does not tell, or it is too long. */
export function uploadLength(request: StorageRequest): number {
  const length = countHeader(request, "content-length");
  if (length === undefined) throw new StorageError("MissingContentLengthHeader");
  if (length > largestUpload) throw new StorageError("RequestBodyTooLarge");
  return length;
}

/**
 * Receives the content that comes with a request as a whole, and hands it to `use`: nothing is written of content that
 * breaks off, or does not have the MD5 that the request announced.
 */
export async function withUpload<T>(
  request: StorageRequest,
  response: ServerResponse,
  use: (content: Buffer) => Promise<T>,
): Promise<T> {
  const length = uploadLength(request);
  const md5 = request.header("content-md5");
  if (md5 !== undefined) checkMd5(md5);
  const block = length > smallUpload ? await takeBlock() : Buffer.allocUnsafe(length);
  try {
    if (request.header("expect") !== undefined) response.writeContinue();
    const received = await receive(request.message, block);
    if (received !== length) throw new StorageError("InvalidHeaderValue", { subject: "Content-Length" });
    const content = block.subarray(0, length);
    if (md5 !== undefined && createHash("md5").update(content).digest("base64") !== md5) {
      throw new StorageError("Md5Mismatch");
    }
    return await use(content);
  } finally {
    if (block.length === largestUpload) giveBack(block);
  }
}

/** Fills a block with the body of a message; returns how many bytes came. */
function receive(message: IncomingMessage, block: Buffer): Promise<number> {
  let received = 0;
  message.on("data", (chunk: Buffer) => {
    received += chunk.copy(block, received);
    release(chunk);
  });
  return finished(message).then(() => received);
}

/** Gives the memory of a chunk back at once: the collector would wait until dozens of megabytes have come together. */
function release({ buffer, length }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0);
}

async function takeBlock(): Promise<Buffer> {
  const idle = idleBlocks.pop();
  if (idle !== undefined) return idle;
  if (blocks >= mostBlocks) return new Promise((resolve) => waiting.push(resolve));
  blocks++;
  return Buffer.allocUnsafeSlow(largestUpload);
}

function giveBack(block: Buffer): void {
  const next = waiting.shift();
  if (next !== undefined) return next(block);
  idleBlocks.push(block);
  forgetting ??= setTimeout(forgetIdle, idleTime).unref();
  forgetting.refresh();
}

/** Nobody has needed a block for a while. */
function forgetIdle(): void {
  blocks -= idleBlocks.length;
  for (const block of idleBlocks.splice(0)) release(block);
}
