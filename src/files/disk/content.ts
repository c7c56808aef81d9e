import { spawn } from "node:child_process";
import { read as readCallback, readSync, write as writeCallback, writeSync } from "node:fs";
import { promisify } from "node:util";
import { lengthOf } from "../http/rangeHeaders.ts";
import type { ByteRange } from "../http/rangeHeaders.ts";
import type { StorageResponse } from "../http/response.ts";

const read = promisify(readCallback);
const write = promisify(writeCallback);

/** Bytes read or written at a time: large enough that system calls do not count, small enough for many clients. */
const blockSize = 256 * 1024;
/**
 * Content up to this size is read and written at once: from and to the cache of the operating system that takes some
 * microseconds, a tenth of a trip through the thread pool, and to find the file has taken as many looks at the disk.
 */
const shortContent = 64 * 1024;
/** Shortest range for which a process is started that gives its space back to the disk. */
const shortestHole = 1024 * 1024;

/*
 * Loops instead of file streams: a stream closes its descriptor when it is destroyed, and a descriptor that is closed
 * while a write is under way may by then belong to another file.
 */

/** Sends part of an open file as the body of an answer whose headers are set. */
export async function sendContent(descriptor: number, range: ByteRange, response: StorageResponse): Promise<void> {
  if (lengthOf(range) <= shortContent) {
    sendAtOnce(descriptor, range, response);
    return;
  }
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

function sendAtOnce(descriptor: number, range: ByteRange, response: StorageResponse): void {
  const block = Buffer.allocUnsafe(lengthOf(range));
  let length = 0;
  for (let read = -1; read !== 0 && length < block.length; length += read) {
    read = readSync(descriptor, block, length, block.length - length, range.start + length);
  }
  if (length < block.length) response.destroy();
  else response.end(block);
}

/** Resolves when the block is on its way and may be filled again, or when nobody listens any more. */
function send(response: StorageResponse, block: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off("close", done);
      resolve();
    };
    response.once("close", done).write(block, done);
  });
}

/** Writes all of `data` into an open file. */
export async function writeAll(descriptor: number, data: Buffer, position: number): Promise<void> {
  const isShort = data.length <= shortContent;
  for (let done = 0; done < data.length;) {
    const rest = [descriptor, data, done, data.length - done, position + done] as const;
    done += isShort ? writeSync(...rest) : (await write(...rest)).bytesWritten;
  }
}

/** Reads part of an open file into memory. */
export function readRange(descriptor: number, range: ByteRange): Promise<Buffer> {
  return readInto(descriptor, Buffer.alloc(lengthOf(range)), range.start);
}

/** Fills `data` with what an open file holds from a position on, and returns it. */
export async function readInto(descriptor: number, data: Buffer, position = 0): Promise<Buffer> {
  let done = 0;
  while (done < data.length) {
    const { bytesRead } = await read(descriptor, data, done, data.length - done, position + done);
    if (bytesRead === 0) throw new Error("The file became shorter while it was read.");
    done += bytesRead;
  }
  return data;
}

/** The parts, in order, into which a range falls for those who do not want all of it in memory. */
export function* blocksOf(range: ByteRange): Generator<ByteRange> {
  for (let start = range.start; start <= range.end; start += blockSize) {
    yield { start, end: Math.min(start + blockSize - 1, range.end) };
  }
}

/** Whether data consists of zeros only. */
export function isBlank(data: Buffer): boolean {
  return data.equals(zeros.subarray(0, data.length));
}

const zeros = Buffer.alloc(blockSize);

/** Copies part of one open file into another of the same length; what is blank there stays a hole here. */
export async function copyContent(
  source: number,
  destination: number,
  range: ByteRange,
  progress: (copied: number) => void,
): Promise<void> {
  for (const block of blocksOf(range)) {
    const data = await readRange(source, block);
    if (!isBlank(data)) await writeAll(destination, data, block.start);
    progress(lengthOf(block));
  }
}

/**
 * Sets part of an open file to zeros, and gives long parts back to the disk where the operating system knows how. What
 * is zero already, holes above all, is not written again.
 */
export async function clearContent(descriptor: number, range: ByteRange): Promise<void> {
  if (lengthOf(range) >= shortestHole && (await punchHole(descriptor, range))) return;
  for (const block of blocksOf(range)) {
    if (!isBlank(await readRange(descriptor, block))) {
      await writeAll(descriptor, zeros.subarray(0, lengthOf(block)), block.start);
    }
  }
}

/** Node has no call for this; util-linux, which every distribution has, brings a program. */
function punchHole(descriptor: number, range: ByteRange): Promise<boolean> {
  if (process.platform !== "linux") return Promise.resolve(false);
  const options = ["--punch-hole", "--offset", String(range.start), "--length", String(lengthOf(range))];
  const stdio = ["ignore" as const, "ignore" as const, "ignore" as const, descriptor];
  return new Promise((resolve) => {
    spawn("fallocate", [...options, "/proc/self/fd/3"], { stdio, env: { PATH: "/usr/bin:/bin" } })
      .once("error", () => resolve(false))
      .once("exit", (code) => resolve(code === 0));
  });
}
