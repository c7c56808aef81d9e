import { readSync } from "node:fs";
import { lengthOf } from "../disk/byteRanges.ts";
import type { ByteRange } from "../disk/byteRanges.ts";
import { blockSize, readAvailable, shortContent } from "../disk/content.ts";
import type { StorageResponse } from "./response.ts";

/** Sends part of an open file as the body of a response whose headers are set. */
export async function sendContent(descriptor: number, range: ByteRange, response: StorageResponse): Promise<void> {
  if (lengthOf(range) <= shortContent) {
    sendAtOnce(descriptor, range, response);
    return;
  }
  const size = Math.min(blockSize, lengthOf(range));
  // Two blocks take turns: one is sent while the other is filled.
  const blocks = [Buffer.allocUnsafe(size), Buffer.allocUnsafe(Math.min(size, lengthOf(range) - size))];
  const fill = async (turn: number, start: number): Promise<Buffer> => {
    const block = blocks[turn % 2] ?? Buffer.alloc(0);
    const length = Math.max(0, Math.min(block.length, range.end - start + 1));
    return readAvailable(descriptor, block.subarray(0, length), start);
  };
  let filling = fill(0, range.start);
  for (let turn = 0, position = range.start; position <= range.end; turn++) {
    const block = await filling;
    position += block.length;
    filling = fill(turn + 1, position);
    // The file shrank. Closing the connection shows the client that the body is incomplete.
    if (block.length === 0) response.destroy();
    else await send(response, block);
    if (response.destroyed) break;
  }
  await filling;
  response.end();
}

function sendAtOnce(descriptor: number, range: ByteRange, response: StorageResponse): void {
  const block = Buffer.allocUnsafe(lengthOf(range));
  let length = 0;
  for (let read = -1; read !== 0 && length < block.length; length += read) {
    read = readSync(descriptor, block, length, block.length - length, range.start + length);
  }
  if (length < block.length) response.destroy();
  else response.end(block);
}

/** Resolves when the block was sent and can be reused, or when the connection is closed. */
function send(response: StorageResponse, block: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off("close", done);
      resolve();
    };
    response.once("close", done).write(block, done);
  });
}
