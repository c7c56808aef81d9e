import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { ShareFileClient } from "@azure/storage-file-share";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FilesProcess } from "./filesProcess.ts";

const mebibyte = 1024 * 1024;
/** `BIG_FILE_GIB=5 npx vitest run test/files/bigFile.test.ts` takes a few minutes. */
const gibibytes = Number(process.env.BIG_FILE_GIB ?? "1");
const size = gibibytes * 1024 * mebibyte;
const partSize = 4 * mebibyte;

const lastPart = size / partSize - 1;
const noise = randomBytes(partSize);

/** Returns one part of the file. No two parts are the same. */
function partOf(number: number): Buffer {
  const part = Buffer.from(noise);
  part.writeUInt32LE(number, 0);
  return part;
}

function* parts(): Generator<Buffer> {
  for (let number = 0; number <= lastPart; number++) yield partOf(number);
}

describe(`a file of ${gibibytes} GiB`, () => {
  let dataDir: string;
  let files: FilesProcess;
  let file: ShareFileClient;
  let expected: string;
  let sampling: NodeJS.Timeout | undefined;
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "batchai-big-"));
    files = await FilesProcess.start(dataDir);
    const share = files.client().getShareClient("large");
    await share.create();
    file = share.rootDirectoryClient.getFileClient("large.bin");
    const hash = createHash("sha256");
    for (const part of parts()) hash.update(part);
    expected = hash.digest("hex");
  });
  afterAll(async () => {
    clearInterval(sampling);
    expect(await files.stop()).toBe(0);
    await rm(dataDir, { recursive: true });
  });

  it("is uploaded and downloaded unchanged, in constant memory", { timeout: gibibytes * 120_000 }, async () => {
    await file.create(size);
    const path = join(dataDir, files.account.name, "large", "large.bin");
    expect((await stat(path)).blocks).toBeLessThan(100);
    const samples: number[] = [];
    sampling = setInterval(() => void files.memory().then(({ now }) => samples.push(now)), 100);
    await file.uploadStream(Readable.from(parts(), { objectMode: false }), size, partSize, 2);
    expect(await digest(createReadStream(path, { highWaterMark: mebibyte }))).toBe(expected);
    const { readableStreamBody } = await file.download();
    expect(await digest(readableStreamBody)).toBe(expected);
    const { readableStreamBody: tail } = await file.download(size - partSize);
    expect(await digest(tail)).toBe(createHash("sha256").update(partOf(lastPart)).digest("hex"));

    // In these tests, Node.js strips types, which alone takes 20 MB. The bench measures the package.
    const { peak } = await files.memory();
    expect(peak).toBeLessThan(200e6);
    // Constant: the rest of the file takes no more memory than its first fifth.
    const [first, rest] = [samples.slice(0, samples.length / 5), samples.slice(samples.length / 5)];
    expect(samples.length).toBeGreaterThan(10);
    expect(Math.max(...rest) - Math.max(...first)).toBeLessThan(48e6);
    if (process.env.BIG_FILE_GIB) console.log(`at most ${(peak / 1e6).toFixed(0)} MB`);
  });
});

async function digest(stream: NodeJS.ReadableStream | undefined): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of stream ?? []) hash.update(chunk);
  return hash.digest("hex");
}
