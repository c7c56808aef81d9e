import { mkdir, mkdtemp, rename, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ShareClient } from "@azure/storage-file-share";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../until.ts";
import { needsDisks, withDiskOver } from "./disks.ts";
import { FilesProcess } from "./filesProcess.ts";
import { everything } from "./signedRequest.ts";
import { account, rawRequest, startFixture } from "./support.ts";
import type { Fixture } from "./support.ts";

let fixture: Fixture;
let share: ShareClient;
let folder: string;
beforeAll(async () => {
  fixture = await startFixture();
  share = fixture.client.getShareClient("changing");
  await share.create();
  folder = fixture.service.shareFolder(account.name, "changing") ?? "";
});
afterAll(() => fixture.close());

/** Returns the size of a file as a client sees it, or the status of the error response. */
async function sizeOf(path: string): Promise<number> {
  const { status, headers } = await rawRequest(fixture.service, "HEAD", `${at(path)}?${everything()}`);
  return status === 200 ? Number(headers["content-length"]) : status;
}

function at(path: string): string {
  return `/${account.name}/changing/${path}`;
}

async function put(path: string, size: number): Promise<void> {
  await mkdir(join(folder, path, ".."), { recursive: true });
  await writeFile(join(folder, path), "x".repeat(size));
}

describe("a directory that was just read", () => {
  it("is the one that currently exists, even if others replace it", async () => {
    await put("busy/deep/file", 1);
    await put("other/deep/file", 2);
    expect(await sizeOf("busy/deep/file")).toBe(1);
    await rename(join(folder, "busy"), join(folder, "moved"));
    expect(await sizeOf("busy/deep/file")).toBe(404);
    expect(await sizeOf("moved/deep/file")).toBe(1);
    await rename(join(folder, "other"), join(folder, "busy"));
    expect(await sizeOf("busy/deep/file")).toBe(2);
    expect(await sizeOf("BUSY/Deep/FILE")).toBe(2);
    await rm(join(folder, "busy/deep"), { recursive: true });
    expect(await sizeOf("busy/deep/file")).toBe(404);
    await symlink(join(folder, "moved/deep"), join(folder, "busy/deep"));
    expect(await sizeOf("busy/deep/file")).toBe(404);
    await rm(join(folder, "busy/deep"));
    await put("busy/deep/file", 3);
    expect(await sizeOf("busy/deep/file")).toBe(3);
  });

  it("is a different one after its share was deleted and created again", async () => {
    const again = fixture.client.getShareClient("again");
    for (const size of [1, 2, 3]) {
      await again.create();
      const directory = again.getDirectoryClient("directory");
      await directory.create();
      const file = directory.getFileClient("file");
      await file.create(size);
      await file.setMetadata({ size: String(size) });
      expect(await file.getProperties()).toMatchObject({ contentLength: size, metadata: { size: String(size) } });
      await again.delete();
      expect(await file.exists()).toBe(false);
    }
  });

  it("is hidden by a disk mounted over it: immediately for writers, after a moment for readers", async (context) => {
    await needsDisks(context);
    await put("mounted/file", 1);
    expect(await sizeOf("mounted/file")).toBe(1);
    await withDiskOver(join(folder, "mounted"), async () => {
      await share.getDirectoryClient("mounted").getFileClient("file").create(2);
      await until("readers see the disk", async () => (await sizeOf("mounted/file")) === 2);
    });
    await until("readers see what the disk hid", async () => (await sizeOf("mounted/file")) === 1);
    expect((await stat(join(folder, "mounted/file"))).size).toBe(1);
  });

  it("is closed again, even if there are many", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "batchai-files-"));
    const endpoint = await FilesProcess.start(dataDir);
    const many = endpoint.client().getShareClient("many");
    await many.create();
    const before = await endpoint.openFiles();
    let most = 0;
    for (let index = 0; index < 100; index++) {
      const directory = many.getDirectoryClient(`directory-${index}`);
      await directory.create();
      await directory.getFileClient("file").create(1);
      expect(await directory.getFileClient("file").exists()).toBe(true);
      most = Math.max(most, await endpoint.openFiles());
    }
    expect(most).toBeLessThan(before + 50);
    await until("the directories are closed", async () => (await endpoint.openFiles()) <= before);
    await endpoint.stop();
    await rm(dataDir, { recursive: true });
  });
});

describe("times", () => {
  it("are those of the disk, to the millisecond", async () => {
    await put("dated", 1);
    const path = join(folder, "dated");
    const anyTime = fc.date({ min: new Date(0), max: new Date("2200-01-01"), noInvalidDate: true });
    await fc.assert(
      fc.asyncProperty(anyTime, async (time) => {
        await utimes(path, time, time);
        const { mtimeMs, ctimeMs, birthtimeMs } = await stat(path, { bigint: true });
        const { headers } = await rawRequest(fixture.service, "HEAD", `${at("dated")}?${everything()}`);
        expect(headers).toMatchObject({
          "last-modified": new Date(Number(ctimeMs)).toUTCString(),
          "x-ms-file-last-write-time": ticks(mtimeMs),
          "x-ms-file-change-time": ticks(ctimeMs),
          "x-ms-file-creation-time": ticks(birthtimeMs),
        });
      }),
      { seed: 5, numRuns: 200 },
    );
  });
});

function ticks(milliseconds: bigint): string {
  return new Date(Number(milliseconds)).toISOString().replace("Z", "0000Z");
}
