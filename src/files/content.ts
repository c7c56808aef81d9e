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
const blockSize = 512 * 1024;
/** Longest body that is held in memory, for the sake of checking its MD5 before a byte of it is written. */
const largestCheckedBody = 4 * 1024 * 1024;

/*
 * Loops instead of file streams: a stream closes its descriptor when it is destroyed, and a descriptor that is closed
 * while a write is under way may by then belong to another file.
 */

/** Sends part of an open file as the body of an answer whose headers are set. */
export async function sendContent(descriptor: number, range: ByteRange, response: ServerResponse): Promise<void> {
  for (let position = range.start; position <= range.end && !response.destroyed; ) {
    const block = Buffer.allocUnsafe(Math.min(blockSize, range.end + 1 - position));
    const { bytesRead } = await read(descriptor, block, 0, block.length, position);
    // The file has become shorter: the promised length is not there, and the client must notice.
    if (bytesRead === 0) response.destroy();
    else if (!response.write(block.subarray(0, bytesRead))) await drained(response);
    position += bytesRead;
  }
  response.end();
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off("drain", done).off("close", done);
      resolve();
    };
    if (response.destroyed) resolve();
    else response.on("drain", done).on("close", done);
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
  for (let done = 0; done < data.length; ) {
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
