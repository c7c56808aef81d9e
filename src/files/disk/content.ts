import { spawn } from "node:child_process";
import { read as readCallback, write as writeCallback, writeSync } from "node:fs";
import { promisify } from "node:util";
import { lengthOf } from "./byteRanges.ts";
import type { ByteRange } from "./byteRanges.ts";

const read = promisify(readCallback);
const write = promisify(writeCallback);

/*
 * Loops instead of file streams: a stream closes its descriptor when it is destroyed, and a descriptor that is closed
 * during a write may then belong to another file.
 */

/** Bytes read or written at a time: large enough to make system calls cheap, small enough for many clients. */
export const blockSize = 256 * 1024;
/**
 * Content up to this size is read and written synchronously. With the cache of the operating system, that takes
 * microseconds, a tenth of a trip through the thread pool.
 */
export const shortContent = 64 * 1024;
/** Shortest range for which a process is started to free its space on the disk. */
const shortestHole = 1024 * 1024;

/** Writes all of `data` to an open file. */
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

/** Fills `data` from an open file and returns it. Throws if the file ends before. */
export async function readInto(descriptor: number, data: Buffer, position = 0): Promise<Buffer> {
  const found = await readAvailable(descriptor, data, position);
  if (found.length < data.length) throw new Error("The file shrank while it was read.");
  return data;
}

/** Fills `data` from an open file, up to the end of the file, and returns the filled part. */
export async function readAvailable(descriptor: number, data: Buffer, position: number): Promise<Buffer> {
  let done = 0;
  while (done < data.length) {
    const { bytesRead } = await read(descriptor, data, done, data.length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return data.subarray(0, done);
}

/** Splits a range into parts, for callers that do not want to hold all of it in memory. */
export function* blocksOf(range: ByteRange): Generator<ByteRange> {
  for (let start = range.start; start <= range.end; start += blockSize) {
    yield { start, end: Math.min(start + blockSize - 1, range.end) };
  }
}

/** Whether data consists only of zeros. */
export function isBlank(data: Buffer): boolean {
  return data.equals(zeros.subarray(0, data.length));
}

const zeros = Buffer.alloc(blockSize);

/**
 * Copies part of an open file to the same place in another one, whose bytes are zero there. Blank parts are not written,
 * so they stay holes. Stops at the end of the source. Calls `copied` with the number of bytes after each block.
 */
export async function copyContent(
  source: number,
  destination: number,
  range: ByteRange,
  copied: (bytes: number) => void,
): Promise<void> {
  const block = Buffer.allocUnsafe(Math.min(blockSize, lengthOf(range)));
  for (const part of blocksOf(range)) {
    const data = await readAvailable(source, block.subarray(0, lengthOf(part)), part.start);
    if (!isBlank(data)) await writeAll(destination, data, part.start);
    if (data.length < lengthOf(part)) return;
    copied(data.length);
  }
}

/**
 * Sets part of an open file to zeros. If the operating system supports it, long parts become holes. Bytes that are
 * already zero are not written again.
 */
export async function clearContent(descriptor: number, range: ByteRange): Promise<void> {
  if (lengthOf(range) >= shortestHole && (await punchHole(descriptor, range))) return;
  for (const block of blocksOf(range)) {
    if (!isBlank(await readRange(descriptor, block))) {
      await writeAll(descriptor, zeros.subarray(0, lengthOf(block)), block.start);
    }
  }
}

/** Node.js has no call for this. The program comes with util-linux, which every distribution has. */
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
