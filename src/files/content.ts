import { createHash } from "node:crypto";
import { ftruncateSync, read as readCallback, write as writeCallback } from "node:fs";
import type { ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { promisify } from "node:util";
import { StorageError } from "./errors.ts";
import { checkMd5, countHeader } from "./headers.ts";
import { lengthOf } from "./ranges.ts";
import type { ByteRange } from "./ranges.ts";
import type { StorageRequest } from "./request.ts";

const read = promisify(readCallback);
const write = promisify(writeCallback);

/** Bytes read or written at a time: large enough that system calls do not count, small enough for many clients. */
const blockSize = 256 * 1024;
/** Longest body that is held in memory, for the sake of checking its MD5 before a byte of it is written. */
const largestCheckedBody = 4 * 1024 * 1024;

/*
 * Loops instead of file streams: a stream closes its descriptor when it is destroyed, and a descriptor that is closed
 * while a write is under way may by then belong to another file.
 */

/** Sends part of an open file as the body of an answer whose headers are set. */
export async function sendContent(descriptor: number, range: ByteRange, response: ServerResponse): Promise<void> {
  const size = Math.min(blockSize, lengthOf(range));
  // Two blocks take turns: while one is on its way to the client, the other is filled.
  const blocks = [Buffer.allocUnsafe(size), Buffer.allocUnsafe(Math.min(size, lengthOf(range) - size))];
  const fill = async (turn: number, start: number): Promise<Buffer> => {
    const block = blocks[turn % 2] ?? Buffer.alloc(0);
    const length = Math.max(0, Math.min(block.length, range.end - start + 1));
    const { bytesRead } = await read(descriptor, block, 0, length, start);
    return block.subarray(0, bytesRead);
  };
  let filling = fill(0, range.start);
  for (let turn = 0, position = range.start; position <= range.end; turn++) {
    const block = await filling;
    position += block.length;
    filling = fill(turn + 1, position);
    // The file has become shorter: the promised length is not there, and the client must notice.
    if (block.length === 0) response.destroy();
    else await send(response, block);
    if (response.destroyed) break;
  }
  await filling;
  response.end();
}

/** Resolves when the block is on its way and may be filled again, or when nobody listens any more. */
function send(response: ServerResponse, block: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off("close", done);
      resolve();
    };
    response.once("close", done).write(block, done);
  });
}

/**
 * Writes the body of a request into an open file. With a Content-MD5 header, nothing is written unless it matches; a
 * body that ends early leaves what has come, and throws.
 */
export async function receiveContent(
  request: StorageRequest,
  response: ServerResponse,
  descriptor: number,
  range: ByteRange,
): Promise<void> {
  const length = countHeader(request, "content-length");
  if (length === undefined) throw new StorageError("MissingContentLengthHeader");
  if (length !== lengthOf(range)) throw new StorageError("InvalidHeaderValue", { subject: "Content-Length" });
  const md5 = request.header("content-md5");
  if (md5 !== undefined && checkMd5(md5) && length > largestCheckedBody) throw new StorageError("RequestBodyTooLarge");
  if (request.header("expect") !== undefined) response.writeContinue();
  if (md5 === undefined) {
    let position = range.start;
    for await (const chunk of request.message as AsyncIterable<Buffer>) {
      await writeAll(descriptor, chunk, position);
      position += chunk.length;
    }
  } else {
    const body = await buffer(request.message);
    if (createHash("md5").update(body).digest("base64") !== md5) throw new StorageError("Md5Mismatch");
    await writeAll(descriptor, body, range.start);
  }
}

async function writeAll(descriptor: number, data: Buffer, position: number): Promise<void> {
  for (let done = 0; done < data.length;) {
    const { bytesWritten } = await write(descriptor, data, done, data.length - done, position + done);
    done += bytesWritten;
  }
}

/** Reads part of an open file into memory. */
export async function readRange(descriptor: number, range: ByteRange): Promise<Buffer> {
  const data = Buffer.alloc(lengthOf(range));
  let done = 0;
  while (done < data.length) {
    const { bytesRead } = await read(descriptor, data, done, data.length - done, range.start + done);
    if (bytesRead === 0) throw new Error("The file became shorter while it was read.");
    done += bytesRead;
  }
  return data;
}

/** Sets part of a file of `size` bytes to zeros. What is zero already, holes above all, is not written again. */
export async function clearContent(descriptor: number, range: ByteRange, size: number): Promise<void> {
  if (range.end + 1 >= size) {
    ftruncateSync(descriptor, range.start);
    ftruncateSync(descriptor, size);
    return;
  }
  const zeros = Buffer.alloc(blockSize);
  for (let start = range.start; start <= range.end; start += blockSize) {
    const block = { start, end: Math.min(start + blockSize - 1, range.end) };
    const blank = zeros.subarray(0, lengthOf(block));
    if (!blank.equals(await readRange(descriptor, block))) await writeAll(descriptor, blank, start);
  }
}
