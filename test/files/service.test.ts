import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FilesService } from "../../src/files/filesService.ts";
import { account, clientOf, startFixture } from "./support.ts";
import type { Fixture } from "./support.ts";

describe("FilesService", () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await startFixture();
    await fixture.client.createShare("data");
    await fixture.client.getShareClient("data").createDirectory("logs");
    await writeFile(join(fixture.service.shareFolder(account.name, "data") ?? "", "logs", "b.txt"), "12345");
    await writeFile(join(fixture.service.shareFolder(account.name, "data") ?? "", "logs", "A.txt"), "");
    await fixture.client.getShareClient("data").createDirectory("logs/sub");
  });
  afterAll(() => fixture.close());

  it("returns its URL and the folder of a share", () => {
    expect(fixture.service.endpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(fixture.service.fileEndpoint(account.name)).toBe(`${fixture.service.endpoint}/${account.name}`);
    expect(fixture.service.shareFolder(account.name, "data")).toBe(join(fixture.dataDir, account.name, "data"));
    expect(fixture.service.shareFolder(account.name, "nope")).toBeUndefined();
    expect(fixture.service.shareFolder(account.name, "..")).toBeUndefined();
    expect(fixture.service.shareFolder("nobody", "data")).toBeUndefined();
    expect(() => fixture.service.fileEndpoint("nobody")).toThrow(/does not host a storage account "nobody"/);
  });

  it("lists one level of a directory, sorted, with sizes and times", async () => {
    const entries = await fixture.service.list(account.name, "data", "LOGS");
    expect(entries?.map(({ name, kind, contentLength }) => ({ name, kind, contentLength }))).toEqual([
      { name: "A.txt", kind: "file", contentLength: 0 },
      { name: "b.txt", kind: "file", contentLength: 5 },
      { name: "sub", kind: "directory", contentLength: undefined },
    ]);
    expect(entries?.every(({ lastModified }) => Date.now() - lastModified.getTime() < 60_000)).toBe(true);
    for (const root of ["", ".", "/"]) {
      expect((await fixture.service.list(account.name, "data", root))?.map(({ name }) => name)).toEqual(["logs"]);
    }
    expect(await fixture.service.list(account.name, "data", "logs/b.txt")).toBeUndefined();
    expect(await fixture.service.list(account.name, "data", "absent")).toBeUndefined();
    expect(await fixture.service.list(account.name, "absent", "")).toBeUndefined();
    await expect(fixture.service.list(account.name, "data", "../x")).rejects.toThrow();
  });

  it("creates URLs that anyone can use to read a file until they expire, and for nothing else", async () => {
    const target = { accountName: account.name, shareName: "data", path: "logs/b.txt" };
    const url = fixture.service.sasUrl(target, new Date(Date.now() + 600_000));
    expect(await (await fetch(url)).text()).toBe("12345");
    const tail = await fetch(url, { headers: { range: "bytes=3-" } });
    expect([tail.status, await tail.text()]).toEqual([206, "45"]);
    expect((await fetch(url, { method: "DELETE" })).status).toBe(403);
    expect((await fetch(url, { method: "PUT", headers: { "x-ms-content-length": "0" } })).status).toBe(403);
    const end = Math.ceil(Date.now() / 1000) * 1000 + 1000;
    const expiring = fixture.service.sasUrl(target, new Date(end));
    const late = { asked: 0, status: 200 };
    while (late.status !== 403) {
      expect([late.status, late.asked < end]).toEqual([200, true]);
      late.asked = Date.now();
      late.status = (await fetch(expiring)).status;
    }
    expect(Date.now()).toBeGreaterThanOrEqual(end);
    expect(() => fixture.service.sasUrl({ ...target, path: "../b" }, new Date())).toThrow();
    expect(() => fixture.service.sasUrl({ ...target, accountName: "nobody" }, new Date())).toThrow(/nobody/);
  });
});

describe("starting and closing", () => {
  it("keeps everything across restarts", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "batchai-files-"));
    const first = await FilesService.start({ dataDir, accounts: [account] });
    const share = clientOf(first).getShareClient("kept");
    await share.create({ quota: 12 });
    const metadata = { run: "1" };
    await share.rootDirectoryClient.getFileClient("model.bin").uploadData(Buffer.from("weights"), { metadata });
    const { etag } = await share.rootDirectoryClient.getFileClient("model.bin").getProperties();
    await Promise.all([first.close(), first.close()]);
    const second = await FilesService.start({ dataDir, accounts: [account] });
    const again = clientOf(second).getShareClient("kept");
    expect((await again.getProperties()).quota).toBe(12);
    const file = again.rootDirectoryClient.getFileClient("model.bin");
    expect(await file.getProperties()).toMatchObject({ etag, metadata });
    expect((await file.downloadToBuffer()).toString()).toBe("weights");
    await second.close();
    await rm(dataDir, { recursive: true });
  });

  it("completes active requests, and closes connections that are kept alive", async () => {
    const fixture = await startFixture();
    const share = fixture.client.getShareClient("slow");
    await share.create();
    await writeFile(join(fixture.service.shareFolder(account.name, "slow") ?? "", "big"), Buffer.alloc(20_000_000, 7));
    const url = fixture.service.sasUrl(
      { accountName: account.name, shareName: "slow", path: "big" },
      new Date(Date.now() + 60_000),
    );
    let closing: Promise<void> | undefined;
    const received = new Promise<number>((resolve, reject) => {
      request(url, (response) => {
        let bytes = 0;
        response.pause();
        closing = fixture.close();
        setTimeout(() => response.resume(), 200);
        response.on("data", (chunk: Buffer) => (bytes += chunk.length));
        response.on("end", () => resolve(bytes));
        response.on("error", reject);
      })
        .on("error", reject)
        .end();
    });
    expect(await received).toBe(20_000_000);
    await closing;
    await expect(fetch(url)).rejects.toThrow();
  });

  it("rejects invalid accounts", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "batchai-files-"));
    const start = (name: string, key: string) => FilesService.start({ dataDir, accounts: [{ name, key }] });
    await expect(start("Bad-Name", account.key)).rejects.toThrow(/3 to 24 lowercase/);
    await expect(start("okname", "not base64!")).rejects.toThrow(/is not valid Base64/);
    await expect(start("okname", "not base64!")).rejects.not.toThrow(/not base64!/);
    await rm(dataDir, { recursive: true });
  });
});
