import { createHash, randomBytes } from "node:crypto";
import { link, readFile, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { ShareClient, ShareFileClient } from "@azure/storage-file-share";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { refusal, startFixture } from "./support.ts";
import type { Fixture } from "./support.ts";

let fixture: Fixture;
let share: ShareClient;
let folder: string;
beforeAll(async () => {
  fixture = await startFixture();
  share = fixture.client.getShareClient("content");
  await share.create();
  folder = fixture.service.shareFolder("testaccount", "content") ?? "";
});
afterAll(() => fixture.close());

function fileNamed(name: string): ShareFileClient {
  return share.rootDirectoryClient.getFileClient(name);
}

describe("files through the official client", () => {
  it("are the same bytes on the disk, uploaded in parts and downloaded whole", async () => {
    const data = randomBytes(9 * 1024 * 1024 + 17);
    const file = fileNamed("parts.bin");
    await file.uploadData(data, { rangeSize: 1024 * 1024, concurrency: 4 });
    expect((await readFile(join(folder, "parts.bin"))).equals(data)).toBe(true);
    expect((await file.downloadToBuffer()).equals(data)).toBe(true);
    const whole = await file.download();
    expect((await buffer(whole.readableStreamBody ?? Readable.from([]))).equals(data)).toBe(true);
  });

  it("have the ETag in the response to the last of several concurrent writes, which differs from the one before", async () => {
    const part = randomBytes(1024 * 1024);
    const file = fileNamed("side-by-side");
    const { etag: before } = await file.create(8 * part.length);
    const write = (_: unknown, index: number): ReturnType<typeof file.uploadRange> =>
      file.uploadRange(part, index * part.length, part.length);
    const answers = await Promise.all(Array.from({ length: 8 }, write));
    const { etag } = await file.getProperties();
    expect(answers.map((answer) => answer.etag)).toContain(etag);
    expect(etag).not.toBe(before);
    const again = await file.uploadRange(part, 0, part.length);
    expect(answers.map((answer) => answer.etag)).not.toContain(again.etag);
  });

  it("are uploaded from a file and from a stream", async () => {
    const data = randomBytes(3_000_000);
    await writeFile(join(fixture.dataDir, "local.bin"), data);
    await fileNamed("from-file").uploadFile(join(fixture.dataDir, "local.bin"));
    await fileNamed("from-stream").uploadStream(Readable.from(chunks(data)), data.length, 1024 * 1024, 2);
    expect((await readFile(join(folder, "from-file"))).equals(data)).toBe(true);
    expect((await readFile(join(folder, "from-stream"))).equals(data)).toBe(true);
  });

  it("start as zeros, also when they are created again", async () => {
    const file = fileNamed("zeros");
    await file.create(1000);
    await file.uploadRange("abc", 500, 3);
    expect((await readFile(join(folder, "zeros"))).toString("latin1", 499, 504)).toBe("\0abc\0");
    await file.create(10, { metadata: { second: "yes" } });
    expect((await file.downloadToBuffer()).equals(Buffer.alloc(10))).toBe(true);
    expect((await file.getProperties()).metadata).toEqual({ second: "yes" });
  });

  it("can be created with their content", async () => {
    const file = fileNamed("at-once");
    const content = Buffer.from("hello");
    await file.create(5, { content, contentLength: 5, metadata: { a: "b" } });
    expect((await file.downloadToBuffer()).toString()).toBe("hello");
    const contentMD5 = createHash("md5").update("hi").digest();
    await file.create(4, {
      content: Buffer.from("hi"),
      contentLength: 2,
      contentMD5,
    });
    expect(await readFile(join(folder, "at-once"), "latin1")).toBe("hi\0\0");
    expect(await refusal(file.create(4, { content, contentLength: 5 }))).toMatchObject({ status: 400 });
    expect(await refusal(file.create(5, { content, contentLength: 5, contentMD5 }))).toMatchObject({
      code: "Md5Mismatch",
    });
    expect(await readFile(join(folder, "at-once"), "latin1")).toBe("hi\0\0");
  });

  it("return ranges as in HTTP, and 416 past the end", async () => {
    const file = fileNamed("digits");
    await file.uploadData(Buffer.from("0123456789"));
    const middle = await file.download(2, 3);
    expect(middle.contentRange).toBe("bytes 2-4/10");
    expect((await buffer(middle.readableStreamBody ?? Readable.from([]))).toString()).toBe("234");
    expect((await file.download(7, 100)).contentRange).toBe("bytes 7-9/10");
    const hashed = await file.download(0, 4, { rangeGetContentMD5: true });
    expect(Buffer.from(hashed.contentMD5 ?? []).toString("hex")).toBe(createHash("md5").update("0123").digest("hex"));
    expect(await refusal(file.download(10))).toMatchObject({ status: 416, code: "InvalidRange" });
    await fileNamed("nothing").create(0);
    expect(await refusal(fileNamed("nothing").download(1))).toMatchObject({ status: 416 });
    expect((await fileNamed("nothing").downloadToBuffer(0)).length).toBe(0);
  });

  it("accept ranges only within their size", async () => {
    const file = fileNamed("room");
    await file.create(100);
    expect(await refusal(file.uploadRange("abcd", 98, 4))).toMatchObject({ status: 416, code: "InvalidRange" });
    expect((await stat(join(folder, "room"))).size).toBe(100);
    expect(await refusal(fileNamed("absent").uploadRange("a", 0, 1))).toMatchObject({ status: 404 });
  });

  it("clear a range to zeros, and nothing else", async () => {
    const data = randomBytes(2_000_000);
    const file = fileNamed("cleared");
    await file.uploadData(data);
    await file.clearRange(100, 1_500_000);
    await file.clearRange(1_900_000, 100_000);
    data.fill(0, 100, 1_500_100).fill(0, 1_900_000);
    expect((await readFile(join(folder, "cleared"))).equals(data)).toBe(true);
  });

  it("list their ranges", async () => {
    const file = fileNamed("ranged");
    await file.uploadData(Buffer.alloc(4096, 1));
    expect((await file.getRangeList()).rangeList).toEqual([{ start: 0, end: 4095 }]);
    await file.create(0);
    expect((await file.getRangeList()).rangeList).toEqual([]);
  });

  it("verify a Content-MD5 before a byte is written", async () => {
    const file = fileNamed("hashed");
    await file.create(5);
    const right = createHash("md5").update("12345").digest();
    await file.uploadRange("12345", 0, 5, { contentMD5: right });
    const wrong = createHash("md5").update("54321").digest();
    expect(await refusal(file.uploadRange("54320", 0, 5, { contentMD5: wrong }))).toMatchObject({
      status: 400,
      code: "Md5Mismatch",
    });
    expect(await readFile(join(folder, "hashed"), "utf8")).toBe("12345");
  });

  it("grow, shrink and change their headers", async () => {
    const file = fileNamed("resized");
    const fileHttpHeaders = { fileContentType: "text/csv", fileCacheControl: "no-store", fileContentLanguage: "de" };
    await file.uploadData(Buffer.from("0123456789"), { fileHttpHeaders });
    expect(await file.getProperties()).toMatchObject({
      contentType: "text/csv",
      cacheControl: "no-store",
      contentLanguage: "de",
      contentLength: 10,
    });
    await file.resize(4);
    expect(await readFile(join(folder, "resized"), "utf8")).toBe("0123");
    await file.setHttpHeaders({ fileContentType: "text/plain", fileContentDisposition: "attachment" });
    expect(await file.getProperties()).toMatchObject({
      contentType: "text/plain",
      contentDisposition: "attachment",
      cacheControl: undefined,
      contentLength: 4,
    });
  });

  it("keep SMB times and attributes", async () => {
    const file = fileNamed("dated");
    const creationTime = new Date("2018-05-01T00:00:00.000Z");
    const lastWriteTime = new Date("2019-03-31T00:00:00.000Z");
    await file.create(3, { creationTime, lastWriteTime });
    expect(await file.getProperties()).toMatchObject({ fileCreatedOn: creationTime, fileLastWriteOn: lastWriteTime });
    await file.uploadRange("abc", 0, 3, { fileLastWrittenMode: "Preserve" });
    expect((await file.getProperties()).fileLastWriteOn).toEqual(lastWriteTime);
    await file.uploadRange("abc", 0, 3);
    expect((await file.getProperties()).fileLastWriteOn?.getTime()).toBeGreaterThan(Date.now() - 60_000);
  });

  it("change their ETag with every write, even in quick succession", async () => {
    const file = fileNamed("etags");
    await file.create(1);
    const etags = new Set<string | undefined>();
    for (let write = 0; write < 50; write++) etags.add((await file.uploadRange("x", 0, 1)).etag);
    expect(etags.size).toBe(50);
    const before = (await file.getProperties()).etag;
    await file.downloadToBuffer();
    expect((await file.getProperties()).etag).toBe(before);
  });

  it("are deleted once", async () => {
    const file = fileNamed("gone");
    await file.create(1);
    await file.delete();
    expect(await file.exists()).toBe(false);
    expect(await refusal(file.delete())).toMatchObject({ status: 404, code: "ResourceNotFound" });
    expect(await refusal(share.deleteFile("content"))).toMatchObject({ status: 404 });
  });
});

describe("files that are written to the share on the disk", () => {
  it("appear immediately, with their properties from the disk", async () => {
    await writeFile(join(folder, "dropped.log"), "line 1\n");
    const file = fileNamed("dropped.log");
    expect(await file.getProperties()).toMatchObject({ contentLength: 7, contentType: "application/octet-stream" });
    await writeFile(join(folder, "dropped.log"), "line 1\nline 2\n");
    expect((await file.downloadToBuffer(7)).toString()).toBe("line 2\n");
  });

  it("do not inherit the properties of a file that they replace", async () => {
    const file = fileNamed("replaced");
    const fileHttpHeaders = { fileContentType: "a/b" };
    await file.uploadData(Buffer.from("old"), { metadata: { old: "yes" }, fileHttpHeaders });
    await rm(join(folder, "replaced"));
    await writeFile(join(folder, "replaced"), "new");
    expect(await file.getProperties()).toMatchObject({ metadata: {}, contentType: "application/octet-stream" });
  });

  it("keep their properties when renamed or rewritten in place, but not an outdated hash", async () => {
    const file = fileNamed("before");
    const fileContentMD5 = createHash("md5").update("old").digest();
    const fileHttpHeaders = { fileContentType: "text/x", fileContentMD5 };
    await file.uploadData(Buffer.from("old"), { metadata: { kept: "yes" }, fileHttpHeaders });
    expect(Buffer.from((await file.getProperties()).contentMD5 ?? []).equals(fileContentMD5)).toBe(true);
    await rename(join(folder, "before"), join(folder, "after"));
    await truncate(join(folder, "after"), 1);
    const properties = await fileNamed("after").getProperties();
    expect(properties).toMatchObject({ contentType: "text/x", metadata: { kept: "yes" }, contentMD5: undefined });
    expect(await file.exists()).toBe(false);
  });

  it("are readable as hard links", async () => {
    await writeFile(join(folder, "one"), "1");
    await link(join(folder, "one"), join(folder, "two"));
    expect((await fileNamed("two").downloadToBuffer()).toString()).toBe("1");
  });

  it("match exactly before they match in another case", async () => {
    await writeFile(join(folder, "collide"), "lower");
    await writeFile(join(folder, "COLLIDE"), "upper");
    expect((await fileNamed("collide").downloadToBuffer()).toString()).toBe("lower");
    expect((await fileNamed("COLLIDE").downloadToBuffer()).toString()).toBe("upper");
    expect((await fileNamed("Collide").downloadToBuffer()).toString()).toMatch(/lower|upper/);
  });
});

function* chunks(data: Buffer): Generator<Buffer> {
  for (let start = 0; start < data.length; start += 100_000) yield data.subarray(start, start + 100_000);
}
