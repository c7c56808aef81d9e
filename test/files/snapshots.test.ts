import { mkdir, mkdtemp, readdir, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ShareClient, ShareItem } from "@azure/storage-file-share";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { everything } from "./signedRequest.ts";
import { account, rawRequest, refusal, startFixture } from "./support.ts";
import type { Fixture } from "./support.ts";

const leaseId = "11111111-1111-1111-1111-111111111111";

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.close());

async function newShare(name: string): Promise<ShareClient> {
  const share = fixture.client.getShareClient(name);
  await share.create({ metadata: { of: name }, quota: 7 });
  return share;
}

function folderOf(name: string): string {
  return join(fixture.dataDir, account.name, name);
}

async function upload(share: ShareClient, path: string, content: string): Promise<void> {
  await share.rootDirectoryClient.getFileClient(path).uploadData(Buffer.from(content));
}

async function download(share: ShareClient, path: string): Promise<string> {
  return (await share.rootDirectoryClient.getFileClient(path).downloadToBuffer()).toString();
}

async function take(share: ShareClient): Promise<ShareClient> {
  return share.withSnapshot((await share.createSnapshot()).snapshot ?? "");
}

async function listed(options: Parameters<Fixture["client"]["listShares"]>[0]): Promise<ShareItem[]> {
  const found: ShareItem[] = [];
  for await (const item of fixture.client.listShares(options)) found.push(item);
  return found;
}

describe("a snapshot of a share", () => {
  it("keeps the files, their properties and those of the share", async () => {
    const share = await newShare("kept");
    await share.createDirectory("dir", { metadata: { kind: "directory" } });
    const file = share.rootDirectoryClient.getDirectoryClient("dir").getFileClient("file.txt");
    await file.uploadData(Buffer.from("first"), {
      fileHttpHeaders: { fileContentType: "text/plain", fileContentMD5: Buffer.alloc(16, 7) },
      metadata: { version: "1" },
    });
    await writeFile(join(folderOf("kept"), "by hand.txt"), "by hand");
    const before = await file.getProperties();
    const { snapshot = "", etag } = await share.createSnapshot();
    expect(snapshot).toMatch(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{7}Z$/);
    expect(etag).toBe((await share.getProperties()).etag);

    await file.uploadData(Buffer.from("second, and longer"), { metadata: { version: "2" } });
    await share.deleteFile("by hand.txt");
    await share.setMetadata({ changed: "yes" });
    await share.setQuota(9);

    const then = share.withSnapshot(snapshot);
    expect(await then.getProperties()).toMatchObject({ metadata: { of: "kept" }, quota: 7, etag });
    expect(await download(then, "dir/file.txt")).toBe("first");
    expect(await download(then, "by hand.txt")).toBe("by hand");
    const old = then.rootDirectoryClient.getDirectoryClient("dir").getFileClient("file.txt");
    const after = await old.getProperties();
    const comparable = (properties: typeof after): object => {
      const { etag: tag, lastModified, contentType, contentLength, metadata, contentMD5, fileId } = properties;
      const { fileCreatedOn, fileLastWriteOn, fileChangeOn, fileAttributes, fileParentId } = properties;
      const times = { lastModified, fileCreatedOn, fileLastWriteOn, fileChangeOn };
      return { tag, times, contentType, contentLength, metadata, contentMD5, fileId, fileAttributes, fileParentId };
    };
    expect(comparable(after)).toEqual(comparable(before));
    expect(await then.getDirectoryClient("dir").getProperties()).toMatchObject({ metadata: { kind: "directory" } });
    expect(await download(share, "dir/file.txt")).toBe("second, and longer");
  });

  it("lists its directories, and names itself there", async () => {
    const share = await newShare("listing");
    await share.createDirectory("dir");
    await upload(share, "dir/one.txt", "1");
    await upload(share, "two.txt", "22");
    const snapshot = await take(share);
    await share.deleteFile("two.txt");
    const names: string[] = [];
    for await (const page of snapshot.rootDirectoryClient
      .listFilesAndDirectories({ includeEtag: true, includeTimestamps: true })
      .byPage()) {
      expect(page.shareSnapshot).toBe(new URL(snapshot.url).searchParams.get("sharesnapshot"));
      names.push(
        ...page.segment.directoryItems.map(({ name }) => name),
        ...page.segment.fileItems.map(({ name }) => name),
      );
    }
    expect(names).toEqual(["dir", "two.txt"]);
  });

  it("cannot be changed", async () => {
    const share = await newShare("frozen");
    await upload(share, "file.txt", "text");
    const snapshot = await take(share);
    const file = snapshot.rootDirectoryClient.getFileClient("file.txt");
    for (const attempt of [
      () => file.create(1),
      () => file.uploadRange("x", 0, 1),
      () => file.clearRange(0, 1),
      () => file.setMetadata({ a: "b" }),
      () => file.setHttpHeaders({}),
      () => file.resize(1),
      () => file.delete(),
      () => snapshot.createDirectory("new"),
      () => snapshot.rootDirectoryClient.setMetadata({ a: "b" }),
      () => snapshot.setMetadata({ a: "b" }),
      () => snapshot.setQuota(1),
      () => snapshot.createSnapshot(),
    ]) {
      const { status, code } = await refusal(attempt());
      expect([String(attempt), status, code]).toEqual([String(attempt), 409, "ShareSnapshotOperationNotSupported"]);
    }
    expect(await download(snapshot, "file.txt")).toBe("text");
    const acl = `/${account.name}/frozen?restype=share&comp=stats&sharesnapshot=2026-01-01&${everything()}`;
    expect((await rawRequest(fixture.service, "GET", acl)).headers["x-ms-error-code"]).toBe(
      "UnsupportedQueryParameter",
    );
  });

  it("that does not exist is not found, and neither is one of another share", async () => {
    const share = await newShare("lonely");
    const other = await newShare("lonely-too");
    const { snapshot = "" } = await other.createSnapshot();
    for (const time of ["2020-01-01T00:00:00.0000000Z", "../../etc", snapshot]) {
      expect(await refusal(share.withSnapshot(time).getProperties())).toMatchObject({
        status: 404,
        code: "ShareSnapshotNotFound",
      });
      expect(await share.withSnapshot(time).exists()).toBe(false);
    }
    expect(await refusal(fixture.client.getShareClient("absent").createSnapshot())).toMatchObject({
      code: "ShareNotFound",
    });
  });

  it("is a copy: it shares no file with the share, follows no link and keeps holes", async () => {
    const share = await newShare("copied");
    const folder = folderOf("copied");
    const outside = await mkdtemp(join(tmpdir(), "batchai-outside-"));
    await writeFile(join(outside, "secret.txt"), "secret");
    await symlink(outside, join(folder, "link"));
    await symlink(join(outside, "secret.txt"), join(folder, "link.txt"));
    await mkdir(join(folder, "a", "b", "c"), { recursive: true });
    await writeFile(join(folder, "a", "b", "c", "deep.txt"), "deep");
    await share.rootDirectoryClient.getFileClient("sparse.bin").create(256 * 1024 * 1024);
    await share.rootDirectoryClient.getFileClient("sparse.bin").uploadRange("end", 200 * 1024 * 1024, 3);
    const snapshot = await take(share);
    const copies = await Promise.all(
      (await readdir(join(fixture.dataDir, account.name)))
        .filter((entry) => entry.startsWith(".snapshot-"))
        .map(async (entry) => [entry, await readdir(join(fixture.dataDir, account.name, entry))] as const),
    );
    const [copy = ""] = copies.find(([, entries]) => entries.includes("sparse.bin")) ?? [];
    expect((await readdir(join(fixture.dataDir, account.name, copy))).sort()).toEqual(["a", "sparse.bin"]);
    const sparse = await stat(join(fixture.dataDir, account.name, copy, "sparse.bin"));
    const original = await stat(join(folder, "sparse.bin"));
    expect([sparse.nlink, sparse.size]).toEqual([1, original.size]);
    expect(sparse.blocks * 512).toBeLessThan(2 * 1024 * 1024);
    expect(sparse.ino).not.toBe(original.ino);
    expect(await download(snapshot, "a/b/c/deep.txt")).toBe("deep");
    await writeFile(join(folder, "a", "b", "c", "deep.txt"), "DEEP");
    expect(await download(snapshot, "a/b/c/deep.txt")).toBe("deep");
    const tail = await snapshot.rootDirectoryClient
      .getFileClient("sparse.bin")
      .downloadToBuffer(200 * 1024 * 1024 - 1, 5);
    expect(tail.toString()).toBe("\0end\0");
    await rm(outside, { recursive: true });
  });

  it("is consistent, even if many clients write at the same time", async () => {
    const share = await newShare("moment");
    const names = Array.from({ length: 60 }, (_, index) => `file-${index}`);
    const writeAll = async (round: string): Promise<void> => {
      // In order: at any moment, the first files are from the new round and the rest from the old one.
      for (const name of names) await upload(share, name, round);
    };
    await writeAll("0");
    const writing = writeAll("1");
    const snapshots = [await take(share), await take(share)];
    await writing;
    for (const snapshot of snapshots) {
      const rounds: string[] = [];
      for (const name of names) rounds.push(await download(snapshot, name));
      // A file is created first and written afterwards.
      expect(rounds.join("")).toMatch(/^1*(\0)?0*$/);
      expect(rounds.length).toBe(names.length);
    }
  });

  it("can be taken together with others, each with its own time", async () => {
    const share = await newShare("at-once");
    await upload(share, "file", "same");
    const taken = await Promise.all(
      Array.from({ length: 8 }, (_, index) => share.createSnapshot({ metadata: { index: `${index}` } })),
    );
    const times = taken.map(({ snapshot = "" }) => snapshot);
    expect(new Set(times).size).toBe(8);
    const found = (await listed({ prefix: "at-once", includeSnapshots: true })).flatMap((item) => item.snapshot ?? []);
    expect(found).toEqual([...times].sort());
    for (const [index, time] of times.entries()) {
      expect((await share.withSnapshot(time).getProperties()).metadata).toEqual({ index: `${index}` });
      expect(await download(share.withSnapshot(time), "file")).toBe("same");
    }
  });

  it("of a share that is deleted in the meantime leaves nothing", async () => {
    const share = await newShare("passing");
    for (let index = 0; index < 20; index++) await upload(share, `file-${index}`, "x".repeat(10_000));
    const aside = async (): Promise<string[]> =>
      (await readdir(join(fixture.dataDir, account.name))).filter((name) => name.startsWith("."));
    const before = await aside();
    const taking = share.createSnapshot().then(
      () => "taken",
      (error: unknown) => (error as { code?: string }).code,
    );
    await expect.poll(async () => (await aside()).length).toBeGreaterThan(before.length);
    await share.delete({ deleteSnapshots: "include" });
    expect(["taken", "ShareNotFound"]).toContain(await taking);
    await expect.poll(aside).toEqual(before);
    expect(await listed({ prefix: "passing", includeSnapshots: true, includeDeleted: true })).toEqual([]);
    expect(fixture.logged).toEqual([]);
  });

  it("restores its files, with their properties and permissions, as independent files", async () => {
    const share = await newShare("giving-back");
    const file = share.rootDirectoryClient.getFileClient("file.txt");
    const { filePermissionKey } = await share.createPermission("O:SYG:SYD:(A;;FA;;;SY)");
    await file.create(4, { filePermissionKey, fileHttpHeaders: { fileContentType: "a/b" }, metadata: { a: "b" } });
    await file.uploadRange("text", 0, 4);
    await file.setHttpHeaders({ fileContentType: "a/b", fileContentMD5: Buffer.alloc(16, 7) });
    const snapshot = await take(share);
    await file.delete();
    const source = `${snapshot.rootDirectoryClient.getFileClient("file.txt").url}&${everything()}`;
    const path = `/${account.name}/giving-back/file.txt?${everything()}`;
    const asked = { "x-ms-copy-source": source, "x-ms-file-permission-copy-mode": "source" };
    expect((await rawRequest(fixture.service, "PUT", path, asked)).headers["x-ms-copy-status"]).toBe("success");
    expect(await file.getProperties()).toMatchObject({
      contentType: "a/b",
      metadata: { a: "b" },
      contentMD5: Buffer.alloc(16, 7),
      filePermissionKey,
    });
    const raw = await rawRequest(fixture.service, "HEAD", path);
    const { etag } = raw.headers;
    await file.uploadRange("TEXT", 0, 4);
    expect((await file.getProperties()).etag).not.toBe(etag);
    expect(await download(share, "file.txt")).toBe("TEXT");
    expect(await download(snapshot, "file.txt")).toBe("text");
  });

  it("follows the time of the file, not of the copy", async () => {
    const share = await newShare("times");
    await writeFile(join(folderOf("times"), "old.txt"), "old");
    await utimes(join(folderOf("times"), "old.txt"), new Date("2020-01-01"), new Date("2020-02-02"));
    const snapshot = await take(share);
    const { fileLastWriteOn } = await snapshot.rootDirectoryClient.getFileClient("old.txt").getProperties();
    expect(fileLastWriteOn?.toISOString()).toBe("2020-02-02T00:00:00.000Z");
  });
});

describe("the list of shares with snapshots", () => {
  it("has them before their share, oldest first, with their own metadata", async () => {
    const share = await newShare("series");
    const { snapshot: first } = await share.createSnapshot({ metadata: { number: "one" } });
    const { snapshot: second } = await share.createSnapshot();
    const { snapshot: third } = await share.createSnapshot();
    await newShare("series-two");
    const items = await listed({ prefix: "series", includeSnapshots: true, includeMetadata: true });
    expect(items.map((item) => [item.name, item.snapshot, item.metadata])).toEqual([
      ["series", first, { number: "one" }],
      ["series", second, { of: "series" }],
      ["series", third, { of: "series" }],
      ["series", undefined, { of: "series" }],
      ["series-two", undefined, { of: "series-two" }],
    ]);
    expect((await listed({ prefix: "series" })).map(({ name }) => name)).toEqual(["series", "series-two"]);
    for (const maxPageSize of [1, 2, 3]) {
      const pages: (string | undefined)[][] = [];
      for await (const page of fixture.client
        .listShares({ prefix: "series", includeSnapshots: true })
        .byPage({ maxPageSize })) {
        pages.push(page.shareItems?.map((item) => item.snapshot ?? item.name) ?? []);
      }
      expect(pages.flat()).toEqual([first, second, third, "series", "series-two"]);
      expect(pages.length).toBe(Math.ceil(5 / maxPageSize));
    }
    const path = `/${account.name}/?comp=list&include=everything&${everything()}`;
    expect((await rawRequest(fixture.service, "GET", path)).headers["x-ms-error-code"]).toBe(
      "InvalidQueryParameterValue",
    );
  });
});

describe("deleting", () => {
  it("one snapshot leaves the share and the other snapshots", async () => {
    const share = await newShare("pruned");
    await upload(share, "file.txt", "text");
    const [first, second] = [await take(share), await take(share)];
    await first.delete();
    expect(await first.exists()).toBe(false);
    expect(await download(second, "file.txt")).toBe("text");
    expect(await download(share, "file.txt")).toBe("text");
    expect(await refusal(first.delete())).toMatchObject({ status: 404, code: "ShareSnapshotNotFound" });
    expect(await refusal(second.delete({ deleteSnapshots: "include" }))).toMatchObject({ code: "InvalidHeaderValue" });
  });

  it("a share with snapshots requires a header", async () => {
    const share = await newShare("whole");
    const snapshot = await take(share);
    expect(await refusal(share.delete())).toMatchObject({ status: 409, code: "ShareHasSnapshots" });
    await snapshot.getShareLeaseClient(leaseId).acquireLease(-1);
    expect(await refusal(share.delete({ deleteSnapshots: "include" }))).toMatchObject({
      status: 409,
      code: "DeleteShareWhenSnapshotLeased",
    });
    expect(await refusal(snapshot.delete())).toMatchObject({ status: 412, code: "LeaseIdMissing" });
    expect(await snapshot.getProperties()).toMatchObject({ leaseState: "leased" });
    expect(await share.getProperties()).toMatchObject({ leaseState: "available" });
    const others = (await readdir(join(fixture.dataDir, account.name))).filter((name) => name.startsWith("."));
    await share.delete({ deleteSnapshots: "include-leased" });
    expect(await share.exists()).toBe(false);
    const left = (await readdir(join(fixture.dataDir, account.name))).filter((name) => name.startsWith("."));
    expect(left.length).toBe(others.length - 1);
    await share.create();
    expect((await listed({ prefix: "whole", includeSnapshots: true })).map(({ snapshot: time }) => time)).toEqual([
      undefined,
    ]);
  });
});
