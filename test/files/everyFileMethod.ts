import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { FileSASPermissions, ShareFileClient, ShareSASPermissions } from "@azure/storage-file-share";
import { expect } from "vitest";
import { all, answerTo, delegationKey, expectStringToSign, onDisk, soon } from "./everyMethod.ts";
import type { Cases, World } from "./everyMethod.ts";
import { account, refusal } from "./support.ts";

const created = new Date("2001-02-03T04:05:06Z");
const written = new Date("2002-03-04T05:06:07Z");
const changed = new Date("2003-04-05T06:07:08Z");
const content = randomBytes(5_000_000);
const notFound = { status: 404, code: "ResourceNotFound" };

function md5(data: Buffer | string): Uint8Array {
  return new Uint8Array(createHash("md5").update(data).digest());
}

/** Returns the entry with a name in the root of the share. */
async function isOnDisk(world: World, name: string, expected: Buffer): Promise<void> {
  expect((await readFile(onDisk(world, name))).equals(expected)).toBe(true);
}

export const fileCases: Cases = {
  shareName: async ({ share, file }) => {
    expect(file.shareName).toBe(share.name);
  },

  path: async ({ file }) => {
    expect(file.path).toBe("dir/file.txt");
  },

  name: async ({ file }) => {
    expect(file.name).toBe("file.txt");
  },

  withShareSnapshot: async ({ share, file }) => {
    const { snapshot = "" } = await share.createSnapshot();
    await file.uploadData(Buffer.from("changed"));
    expect((await file.withShareSnapshot(snapshot).downloadToBuffer()).toString()).toBe("0123456789");
  },

  create: async ({ share }) => {
    const file = share.rootDirectoryClient.getFileClient("made");
    const answer = await file.create(2048, {
      fileHttpHeaders: {
        fileContentType: "text/plain",
        fileContentEncoding: "gzip",
        fileContentLanguage: "de",
        fileCacheControl: "no-store",
        fileContentDisposition: "attachment",
        fileContentMD5: md5("x"),
      },
      metadata: { mixedCase: "Value" },
      creationTime: created,
      lastWriteTime: written,
      changeTime: changed,
    });
    expect(answer).toMatchObject({ _response: { status: 201 } });
    expect(await file.getProperties()).toMatchObject({
      contentLength: 2048,
      contentType: "text/plain",
      contentEncoding: "gzip",
      contentLanguage: "de",
      cacheControl: "no-store",
      contentDisposition: "attachment",
      contentMD5: Buffer.from(md5("x")),
      metadata: { mixedcase: "Value" },
      fileCreatedOn: created,
      fileLastWriteOn: written,
      fileChangeOn: changed,
      fileAttributes: "Archive",
      fileType: "File",
    });
    expect(await refusal(file.create(1, { posixProperties: { owner: "0" } }))).toMatchObject({
      status: 400,
      code: "UnsupportedHeader",
    });
    expect(await refusal(share.rootDirectoryClient.getFileClient("a/b/c").create(1))).toMatchObject({
      status: 404,
      code: "ParentNotFound",
    });
  },

  download: async ({ file }) => {
    const whole = await file.download();
    expect(whole).toMatchObject({ contentLength: 10, contentType: "application/octet-stream", acceptRanges: "bytes" });
    expect(String(Buffer.concat(await all(Readable.from(whole.readableStreamBody ?? []))))).toBe("0123456789");
    const part = await file.download(2, 3, { rangeGetContentMD5: true });
    expect(part).toMatchObject({ contentLength: 3, contentRange: "bytes 2-4/10", contentMD5: Buffer.from(md5("234")) });
    expect(String(Buffer.concat(await all(Readable.from(part.readableStreamBody ?? []))))).toBe("234");
    expect(await refusal(file.download(10))).toMatchObject({ status: 416, code: "InvalidRange" });
    expect(await refusal(file.download(0, 1, { contentChecksumAlgorithm: "StorageCrc64" }))).toMatchObject({
      status: 400,
      code: "UnsupportedHeader",
    });
  },

  exists: async ({ directory, file }) => {
    expect(await file.exists()).toBe(true);
    expect(await directory.getFileClient("FILE.TXT").exists()).toBe(true);
    expect(await directory.getFileClient("absent").exists()).toBe(false);
  },

  getProperties: async ({ directory, file }) => {
    const properties = await file.getProperties();
    expect(properties).toMatchObject({
      contentLength: 10,
      fileType: "File",
      leaseState: "available",
      fileParentId: (await directory.getProperties()).fileId,
    });
    expect(properties.copyId).toBeUndefined();
    expect(await refusal(directory.getFileClient("absent").getProperties())).toMatchObject(notFound);
    expect(await refusal(directory.getFileClient("file.txt/deeper").getProperties())).toMatchObject({
      status: 404,
      code: "ParentNotFound",
    });
  },

  setProperties: async ({ file }) => {
    await file.setProperties({
      fileHttpHeaders: { fileContentType: "a/b" },
      creationTime: created,
      lastWriteTime: written,
      changeTime: changed,
    });
    expect(await file.getProperties()).toMatchObject({
      contentType: "a/b",
      fileCreatedOn: created,
      fileLastWriteOn: written,
      fileChangeOn: changed,
      contentLength: 10,
    });
  },

  delete: async (world) => {
    await world.file.delete();
    expect(existsSync(onDisk(world, "dir", "file.txt"))).toBe(false);
    expect(await refusal(world.file.delete())).toMatchObject(notFound);
  },

  deleteIfExists: async ({ file }) => {
    expect(await file.deleteIfExists()).toMatchObject({ succeeded: true });
    expect(await file.deleteIfExists()).toMatchObject({ succeeded: false, errorCode: "ResourceNotFound" });
  },

  setHttpHeaders: async ({ file }) => {
    await file.setHttpHeaders({ fileContentType: "a/b", fileContentMD5: md5("0123456789") });
    expect(await file.getProperties()).toMatchObject({
      contentType: "a/b",
      contentMD5: Buffer.from(md5("0123456789")),
    });
    await file.setHttpHeaders();
    const without = await file.getProperties();
    expect([without.contentType, without.contentMD5]).toEqual(["application/octet-stream", undefined]);
  },

  resize: async (world) => {
    await world.file.resize(4);
    expect((await world.file.downloadToBuffer()).toString()).toBe("0123");
    await world.file.resize(6);
    await isOnDisk(world, "dir/file.txt", Buffer.from("0123\0\0"));
  },

  setMetadata: async ({ file }) => {
    await file.setMetadata({ a: "1" });
    expect((await file.getProperties()).metadata).toEqual({ a: "1" });
    await file.setMetadata();
    expect((await file.getProperties()).metadata).toEqual({});
  },

  uploadRange: async (world) => {
    const { file } = world;
    const answer = await file.uploadRange("ABC", 2, 3, { contentMD5: md5("ABC") });
    expect(answer).toMatchObject({ _response: { status: 201 }, contentMD5: Buffer.from(md5("ABC")) });
    await isOnDisk(world, "dir/file.txt", Buffer.from("01ABC56789"));
    const { fileLastWriteOn } = await file.getProperties();
    await file.uploadRange("Z", 9, 1, { fileLastWrittenMode: "Preserve" });
    expect((await file.getProperties()).fileLastWriteOn).toEqual(fileLastWriteOn);
    expect(await refusal(file.uploadRange("wrong", 0, 5, { contentMD5: md5("other") }))).toMatchObject({
      status: 400,
      code: "Md5Mismatch",
    });
    expect(await refusal(file.uploadRange("beyond", 8, 6))).toMatchObject({ status: 416, code: "InvalidRange" });
    await isOnDisk(world, "dir/file.txt", Buffer.from("01ABC5678Z"));
  },

  uploadRangeFromURL: async (world) => {
    const { share, file } = world;
    const target = share.rootDirectoryClient.getFileClient("target");
    await target.create(6);
    const source = file.generateSasUrl({ permissions: FileSASPermissions.parse("r"), expiresOn: soon() });
    const answer = await target.uploadRangeFromURL(source, 4, 1, 3);
    expect(answer._response.status).toBe(201);
    await isOnDisk(world, "target", Buffer.from("\0" + "456" + "\0\0"));
    const elsewhere = target.uploadRangeFromURL("http://203.0.113.1/share/file", 0, 0, 1);
    expect(await refusal(elsewhere)).toMatchObject({ status: 403, code: "CannotVerifyCopySource" });
  },

  clearRange: async (world) => {
    await world.file.clearRange(1, 3);
    await isOnDisk(world, "dir/file.txt", Buffer.from("0\0\0\x00456789"));
    expect(await refusal(world.file.clearRange(8, 5))).toMatchObject({ status: 416, code: "InvalidRange" });
  },

  getRangeList: async ({ share }) => {
    const file = share.rootDirectoryClient.getFileClient("sparse");
    await file.create(10_000);
    await file.uploadRange("x", 1024, 1);
    await file.uploadRange("x", 4096, 1);
    expect((await file.getRangeList()).rangeList).toEqual([
      { start: 1024, end: 1535 },
      { start: 4096, end: 4607 },
    ]);
    expect((await file.getRangeList({ range: { offset: 4000, count: 1000 } })).rangeList).toEqual([
      { start: 4096, end: 4607 },
    ]);
    expect(await refusal(share.rootDirectoryClient.getFileClient("absent").getRangeList())).toMatchObject(notFound);
  },

  getRangeListDiff: async ({ share }) => {
    const file = share.rootDirectoryClient.getFileClient("sparse");
    await file.create(10_000);
    await file.uploadRange("x", 1024, 1);
    const { snapshot = "" } = await share.createSnapshot();
    await file.uploadRange("y", 4096, 1);
    await file.clearRange(1024, 512);
    const { ranges, clearRanges } = await file.getRangeListDiff(snapshot);
    expect(ranges).toEqual([{ start: 4096, end: 4607 }]);
    expect(clearRanges).toEqual([{ start: 1024, end: 1535 }]);
    expect(await refusal(file.getRangeListDiff("2020-01-01T00:00:00.0000000Z"))).toMatchObject({
      status: 409,
      code: "PreviousSnapshotNotFound",
    });
  },

  listRanges: async ({ share }) => {
    const file = share.rootDirectoryClient.getFileClient("sparse");
    await file.create(100_000);
    for (let index = 0; index < 5; index++) await file.uploadRange("x", index * 4096, 1);
    const found = await all(file.listRanges());
    expect(found.map(({ start }) => start)).toEqual([0, 4096, 8192, 12_288, 16_384]);
    const pages = await all(file.listRanges().byPage({ maxPageSize: 2 }));
    expect(pages.map(({ ranges = [] }) => ranges.length)).toEqual([2, 2, 1]);
  },

  listRangesDiff: async ({ share }) => {
    const file = share.rootDirectoryClient.getFileClient("sparse");
    await file.create(100_000);
    await file.uploadRange("x", 0, 1);
    const { snapshot = "" } = await share.createSnapshot();
    await file.uploadRange("y", 4096, 1);
    await file.clearRange(0, 512);
    const found = await all(file.listRangesDiff(snapshot));
    expect(found).toEqual([
      { start: 0, end: 511, isClear: true },
      { start: 4096, end: 4607, isClear: false },
    ]);
  },

  startCopyFromURL: async (world) => {
    const { share, file } = world;
    await file.setMetadata({ of: "source" });
    const copy = share.rootDirectoryClient.getFileClient("copy");
    // The client (12.33.0) takes metadata for the copy, and does not send it: without any, the source's is copied.
    const answer = await copy.startCopyFromURL(file.url, { metadata: { of: "copy" } });
    expect(answer).toMatchObject({ copyStatus: "success", _response: { status: 202 } });
    expect(await copy.getProperties()).toMatchObject({
      copyStatus: "success",
      copyProgress: "10/10",
      copyId: answer.copyId,
      copySource: file.url,
      metadata: { of: "source" },
    });
    await isOnDisk(world, "copy", Buffer.from("0123456789"));
    expect(await refusal(copy.startCopyFromURL("http://203.0.113.1/share/file"))).toMatchObject({
      status: 403,
      code: "CannotVerifyCopySource",
    });
  },

  abortCopyFromURL: async (world) => {
    const { share, file } = world;
    expect(await refusal(file.abortCopyFromURL("11111111-1111-1111-1111-111111111111"))).toMatchObject({
      status: 409,
      code: "NoPendingCopyOperation",
    });
    // A file that a job wrote is copied byte by byte, and 8 GiB take longer than a request to abort.
    const source = share.rootDirectoryClient.getFileClient("source");
    await source.create(8 * 1024 ** 3);
    await source.uploadRange("x", 0, 1);
    await link(onDisk(world, "source"), onDisk(world, "other-name"));
    await writeFile(onDisk(world, "source"), "y", { flag: "r+" });
    const copy = share.rootDirectoryClient.getFileClient("copy");
    const { copyId = "", copyStatus } = await copy.startCopyFromURL(source.url);
    expect(copyStatus).toBe("pending");
    await copy.abortCopyFromURL(copyId);
    expect(await copy.getProperties()).toMatchObject({ copyStatus: "aborted", contentLength: 0 });
  },

  uploadData: async (world) => {
    const file = world.share.rootDirectoryClient.getFileClient("data");
    const progress: number[] = [];
    await file.uploadData(content, {
      rangeSize: 1_000_000,
      concurrency: 4,
      metadata: { a: "1" },
      fileHttpHeaders: { fileContentType: "a/b" },
      onProgress: ({ loadedBytes }) => progress.push(loadedBytes),
    });
    await isOnDisk(world, "data", content);
    expect(progress.at(-1)).toBe(content.length);
    expect(await file.getProperties()).toMatchObject({ metadata: { a: "1" }, contentType: "a/b" });
    await file.uploadData(Buffer.alloc(0));
    await isOnDisk(world, "data", Buffer.alloc(0));
  },

  uploadSeekableBlob: async (world) => {
    // For browsers: Node's client cannot send a Blob, so a Buffer stands for one here.
    const part = (offset: number, size: number): Blob =>
      content.subarray(offset, offset + size) as Buffer & Partial<Blob> as Blob;
    await world.share.rootDirectoryClient.getFileClient("blob").uploadSeekableBlob(part, content.length);
    await isOnDisk(world, "blob", content);
  },

  uploadFile: async (world) => {
    const path = join(tmpdir(), `batchai-every-${randomBytes(6).toString("hex")}`);
    await writeFile(path, content);
    try {
      await world.share.rootDirectoryClient.getFileClient("from-disk").uploadFile(path, { rangeSize: 999_999 });
      await isOnDisk(world, "from-disk", content);
    } finally {
      await rm(path);
    }
  },

  uploadResetableStream: async (world) => {
    const file = world.share.rootDirectoryClient.getFileClient("streamed");
    const streamOf = (offset: number, count?: number): Readable =>
      Readable.from([content.subarray(offset, count === undefined ? undefined : offset + count)]);
    await file.uploadResetableStream(streamOf, content.length, { rangeSize: 1_000_000 });
    await isOnDisk(world, "streamed", content);
  },

  downloadToBuffer: async ({ share, file }) => {
    const large = share.rootDirectoryClient.getFileClient("large");
    await large.uploadData(content);
    expect((await large.downloadToBuffer(0, undefined, { rangeSize: 700_000, concurrency: 3 })).equals(content)).toBe(
      true,
    );
    const into = Buffer.alloc(4);
    await file.downloadToBuffer(into, 3, 4);
    expect(into.toString()).toBe("3456");
  },

  uploadStream: async (world) => {
    const file = world.share.rootDirectoryClient.getFileClient("streamed");
    const pieces = [content.subarray(0, 1_234_567), content.subarray(1_234_567)];
    await file.uploadStream(Readable.from(pieces), content.length, 1_000_000, 3);
    await isOnDisk(world, "streamed", content);
  },

  downloadToFile: async ({ file }) => {
    const path = join(tmpdir(), `batchai-every-${randomBytes(6).toString("hex")}`);
    try {
      await file.downloadToFile(path, 1, 4);
      expect(await readFile(path, "utf8")).toBe("1234");
    } finally {
      await rm(path);
    }
  },

  listHandles: async ({ directory, file }) => {
    expect(await all(file.listHandles())).toEqual([]);
    expect(await refusal(all(directory.getFileClient("absent").listHandles()))).toMatchObject(notFound);
  },

  forceCloseAllHandles: async ({ file }) => {
    expect(await file.forceCloseAllHandles()).toMatchObject({ closedHandlesCount: 0, closeFailureCount: 0 });
  },

  forceCloseHandle: async ({ directory, file }) => {
    expect(await file.forceCloseHandle("12345")).toMatchObject({ closedHandlesCount: 0, closeFailureCount: 0 });
    expect(await refusal(directory.getFileClient("absent").forceCloseHandle("12345"))).toMatchObject(notFound);
  },

  createHardLink: async ({ file }) => {
    expect(await refusal(file.createHardLink("dir/file.txt"))).toMatchObject({
      status: 400,
      code: "UnsupportedQueryParameter",
    });
  },

  createSymbolicLink: async ({ file }) => {
    expect(await refusal(file.createSymbolicLink("dir/file.txt"))).toMatchObject({
      status: 400,
      code: "UnsupportedQueryParameter",
    });
  },

  getSymbolicLink: async ({ file }) => {
    expect(await refusal(file.getSymbolicLink())).toMatchObject({ status: 400, code: "UnsupportedQueryParameter" });
  },

  getShareLeaseClient: async ({ file }) => {
    const lease = file.getShareLeaseClient();
    await lease.acquireLease();
    expect(await refusal(file.uploadRange("x", 0, 1))).toMatchObject({ status: 412, code: "LeaseIdMissing" });
    await file.uploadRange("x", 0, 1, { leaseAccessConditions: { leaseId: lease.leaseId } });
    expect((await file.downloadToBuffer()).toString()).toBe("x123456789");
  },

  generateSasUrl: async ({ file }) => {
    const url = file.generateSasUrl({
      permissions: FileSASPermissions.parse("r"),
      expiresOn: soon(),
      contentType: "text/x-signed",
    });
    const answer = await fetch(url);
    expect([answer.status, answer.headers.get("content-type"), await answer.text()]).toEqual([
      200,
      "text/x-signed",
      "0123456789",
    ]);
    expect(await refusal(new ShareFileClient(url).delete())).toMatchObject({
      status: 403,
      code: "AuthorizationPermissionMismatch",
    });
    expect((await answerTo(url.replace("file.txt", "other.txt")))[0]).toBe(403);
  },

  generateSasStringToSign: async ({ file, share }) => {
    const text = file.generateSasStringToSign({ permissions: FileSASPermissions.parse("r"), expiresOn: soon() });
    expectStringToSign(text, "r", `/file/${account.name}/${share.name}/dir/file.txt`);
  },

  generateUserDelegationSasUrl: async ({ file }) => {
    const options = { permissions: ShareSASPermissions.parse("r"), expiresOn: soon() };
    expect(await answerTo(file.generateUserDelegationSasUrl(options, delegationKey))).toEqual([
      403,
      "AuthenticationFailed",
    ]);
  },

  generateUserDelegationStringToSign: async ({ file }) => {
    const options = { permissions: ShareSASPermissions.parse("r"), expiresOn: soon() };
    expectStringToSign(file.generateUserDelegationStringToSign(options, delegationKey), delegationKey.signedTenantId);
  },

  rename: async (world) => {
    const { share, file } = world;
    await file.setMetadata({ kept: "yes" });
    await file.rename("moved.txt", {
      contentType: "a/b",
      copyFileSmbInfo: { fileCreationTime: created.toISOString() },
    });
    const moved = share.rootDirectoryClient.getFileClient("moved.txt");
    expect(await moved.getProperties()).toMatchObject({
      metadata: { kept: "yes" },
      contentType: "a/b",
      fileCreatedOn: created,
    });
    await isOnDisk(world, "moved.txt", Buffer.from("0123456789"));
    expect(existsSync(onDisk(world, "dir", "file.txt"))).toBe(false);
    await share.createFile("taken", 1);
    expect(await refusal(moved.rename("taken"))).toMatchObject({ status: 409, code: "ResourceAlreadyExists" });
    await moved.rename("taken", { replaceIfExists: true });
    await isOnDisk(world, "taken", Buffer.from("0123456789"));
  },
};
