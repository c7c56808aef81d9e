import { randomBytes } from "node:crypto";
import { open, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ShareClient, ShareFileClient } from "@azure/storage-file-share";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FilesService } from "../../src/files/filesService.ts";
import { account, clientOf, refusal, startFixture } from "./support.ts";
import type { Fixture } from "./support.ts";

const mebibyte = 1024 * 1024;

let fixture: Fixture;
let share: ShareClient;
let folder: string;
beforeAll(async () => {
  fixture = await startFixture();
  share = fixture.client.getShareClient("holes");
  await share.create();
  folder = fixture.service.shareFolder(account.name, "holes") ?? "";
});
afterAll(async () => {
  await fixture.service.close();
  await fixture.close();
});

async function sparse(name: string, size: number): Promise<ShareFileClient> {
  const file = share.rootDirectoryClient.getFileClient(name);
  await file.create(size);
  return file;
}

async function rangesOf(file: ShareFileClient): Promise<string> {
  const { rangeList } = await file.getRangeList();
  return rangeList.map(({ start, end }) => `${start}-${end}`).join(" ");
}

/** Bytes that a file takes on the disk. */
async function allocated(name: string): Promise<number> {
  return (await stat(join(folder, name))).blocks * 512;
}

describe("ranges that were never written", () => {
  it("are not listed; those that were are, in whole pages of 512 bytes", async () => {
    const file = await sparse("pages", 5000);
    expect(await rangesOf(file)).toBe("");
    await file.uploadRange("abc", 1000, 3);
    expect(await rangesOf(file)).toBe("512-1023");
    await file.uploadRange("z", 4999, 1);
    await file.uploadRange("abc", 1023, 3);
    expect(await rangesOf(file)).toBe("512-1535 4608-4999");
    await file.uploadRange(Buffer.alloc(5000, 1), 0, 5000);
    expect(await rangesOf(file)).toBe("0-4999");
  });

  it("are created by clearing whole pages; the rest of a page becomes zeros", async () => {
    const file = await sparse("cleared", 10_000);
    const data = randomBytes(10_000);
    await file.uploadRange(data, 0, 10_000);
    await file.clearRange(100, 5000);
    expect(await rangesOf(file)).toBe("0-511 4608-9999");
    await file.clearRange(9000, 1000);
    expect(await rangesOf(file)).toBe("0-511 4608-9215 9728-9999");
    data.fill(0, 100, 5100).fill(0, 9000);
    expect((await readFile(join(folder, "cleared"))).equals(data)).toBe(true);
    await file.uploadRange(data.subarray(2000, 3000), 2000, 1000);
    expect(await rangesOf(file)).toBe("0-511 1536-3071 4608-9215 9728-9999");
  });

  it("take no space on the disk, and clearing gives it back", async () => {
    const file = await sparse("space", 64 * mebibyte);
    expect(await allocated("space")).toBe(0);
    await file.uploadRange(Buffer.alloc(4 * mebibyte, 1), 32 * mebibyte, 4 * mebibyte);
    expect(await allocated("space")).toBeLessThan(5 * mebibyte);
    await file.clearRange(0, 32 * mebibyte);
    expect(await allocated("space")).toBeLessThan(5 * mebibyte);
    await file.clearRange(32 * mebibyte, 4 * mebibyte);
    if (process.platform === "linux") expect(await allocated("space")).toBeLessThan(mebibyte);
    expect(await rangesOf(file)).toBe("");
    expect((await stat(join(folder, "space"))).size).toBe(64 * mebibyte);
  });

  it("are added when a file grows", async () => {
    const file = await sparse("grown", 1000);
    await file.uploadRange(Buffer.alloc(1000, 1), 0, 1000);
    await file.resize(5000);
    expect(await rangesOf(file)).toBe("0-1023");
    await file.resize(600);
    expect(await rangesOf(file)).toBe("0-599");
    await file.resize(3000);
    expect(await rangesOf(file)).toBe("0-1023");
  });

  it("are known after other properties change, and after a restart", async () => {
    const file = await sparse("kept", 5000);
    await file.uploadRange("abc", 0, 3);
    await file.setMetadata({ a: "b" });
    await file.setHttpHeaders({ fileContentType: "a/b" }, { lastWriteTime: new Date("2020-01-01T00:00:00.123Z") });
    await file.rename("kept-renamed");
    const renamed = share.rootDirectoryClient.getFileClient("kept-renamed");
    expect(await rangesOf(renamed)).toBe("0-511");
    await fixture.service.close();
    const { dataDir } = fixture;
    const service = await FilesService.start({ dataDir, accounts: [account] });
    fixture = { ...fixture, service, client: clientOf(service) };
    share = fixture.client.getShareClient("holes");
    expect(await rangesOf(share.rootDirectoryClient.getFileClient("kept-renamed"))).toBe("0-511");
  });

  it("are not reported for files that another program wrote to", async () => {
    const file = await sparse("touched", 5000);
    await file.uploadRange("abc", 0, 3);
    const handle = await open(join(folder, "touched"), "r+");
    await handle.write("job", 3000);
    await handle.close();
    expect(await rangesOf(file)).toBe("0-4999");
    await file.clearRange(512, 1024);
    expect(await rangesOf(file)).toBe("0-511 1536-4999");
    await writeFile(join(folder, "dropped"), "x".repeat(700));
    expect(await rangesOf(share.rootDirectoryClient.getFileClient("dropped"))).toBe("0-699");
    await truncate(join(folder, "touched"), 100_000);
    expect(await rangesOf(file)).toBe("0-99999");
  });

  it("are told apart when many ranges are written at once", async () => {
    const file = await sparse("many", 200 * 1024);
    const pages = Array.from({ length: 100 }, (_, index) => index * 2048);
    await Promise.all(pages.map((start) => file.uploadRange("x", start, 1)));
    expect(await rangesOf(file)).toBe(pages.map((start) => `${start}-${start + 511}`).join(" "));
    const some = await file.getRangeList({ range: { offset: 2100, count: 6000 } });
    expect(some.rangeList).toEqual([
      { start: 2100, end: 2559 },
      { start: 4096, end: 4607 },
      { start: 6144, end: 6655 },
    ]);
    const listed = [];
    for await (const page of file.listRanges().byPage({ maxPageSize: 30 })) listed.push(page.ranges?.length);
    expect(listed).toEqual([30, 30, 30, 10]);
  });
});

describe("ranges that differ from a snapshot", () => {
  it("are those that were written or cleared since then", async () => {
    const file = await sparse("versions", 2049);
    await file.uploadRange("Hello", 0, 5);
    const { snapshot = "" } = await share.createSnapshot();
    await file.clearRange(0, 1024);
    await file.uploadRange("World", 1023, 5);
    const changes = await file.getRangeListDiff(snapshot);
    expect(changes.clearRanges).toEqual([{ start: 0, end: 511 }]);
    expect(changes.ranges).toEqual([{ start: 512, end: 1535 }]);
    expect(await rangesOf(file.withShareSnapshot(snapshot))).toBe("0-511");
    const { snapshot: second = "" } = await share.createSnapshot();
    expect((await file.getRangeListDiff(second)).ranges ?? []).toEqual([]);
    expect((await file.withShareSnapshot(second).getRangeListDiff(snapshot)).ranges).toEqual(changes.ranges);
    expect(await refusal(file.getRangeListDiff("2020-01-01T00:00:00.0000000Z"))).toMatchObject({
      status: 409,
      code: "PreviousSnapshotNotFound",
    });
  });

  it("are all ranges of a file that did not exist", async () => {
    const { snapshot = "" } = await share.createSnapshot();
    const file = await sparse("later", 2000);
    await file.uploadRange("x", 600, 1);
    expect((await file.getRangeListDiff(snapshot)).ranges).toEqual([{ start: 512, end: 1023 }]);
  });
});
