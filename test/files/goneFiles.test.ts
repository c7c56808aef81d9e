import { mkdirSync, renameSync, rmSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout } from "node:timers/promises";
import type { ShareClient } from "@azure/storage-file-share";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FilesService } from "../../src/files/filesService.ts";
import { forgetGone } from "../../src/files/shares/goneFiles.ts";
import { Storage } from "../../src/files/shares/storage.ts";
import { account, clientOf, startFixture } from "./support.ts";
import type { Fixture } from "./support.ts";

const leaseId = "11111111-1111-1111-1111-111111111111";

let fixture: Fixture;
let share: ShareClient;
let folder: string;
beforeEach(async () => {
  fixture = await startFixture();
  share = fixture.client.getShareClient("swept");
  await share.create();
  folder = fixture.service.shareFolder(account.name, "swept") ?? "";
});
afterEach(() => fixture.close());

/** Rows about files and directories: in `properties.db` their properties and leases, in `ranges.db` their holes. */
function rows(): { files: number; leases: number; holes: number } {
  const count = (name: string, table: string): number => {
    const database = new DatabaseSync(join(fixture.dataDir, name), { readOnly: true, timeout: 5000 });
    try {
      return Number(database.prepare(`SELECT count(*) AS total FROM ${table}`).get()?.total);
    } finally {
      database.close();
    }
  };
  return {
    files: count("properties.db", "files"),
    leases: count("properties.db", "leases"),
    holes: count("ranges.db", "files"),
  };
}

/** Starts another endpoint on the same folder after the first one was closed. */
async function restarted<T>(use: (client: ShareClient, service: FilesService) => Promise<T>): Promise<T> {
  await fixture.service.close();
  const service = await FilesService.start({ dataDir: fixture.dataDir, accounts: [account] });
  try {
    return await use(clientOf(service).getShareClient("swept"), service);
  } finally {
    await service.close();
  }
}

async function makeFile(path: string, within = share): Promise<void> {
  await within.rootDirectoryClient.getFileClient(path).create(10_000, { metadata: { path: path.replace("/", "_") } });
}

describe("what is stored about files", () => {
  it("is deleted after a job deleted them, and kept for files that a job moved", async () => {
    await share.createDirectory("deep");
    await share.createDirectory("deep/gone");
    for (const name of ["kept", "deleted", "deep/moved", "deep/gone/too"]) await makeFile(name);
    await share.rootDirectoryClient.getFileClient("deleted").getShareLeaseClient(leaseId).acquireLease();
    await share.rootDirectoryClient.getFileClient("kept").getShareLeaseClient(leaseId).acquireLease();
    await share.rootDirectoryClient.setProperties({ creationTime: new Date(0) });
    expect(rows()).toEqual({ files: 7, leases: 2, holes: 4 });
    await rm(join(folder, "deleted"));
    await rm(join(folder, "deep/gone"), { recursive: true });
    await mkdir(join(folder, "new"));
    await rename(join(folder, "deep/moved"), join(folder, "new/place"));
    await restarted(async (found) => {
      await expect.poll(rows).toEqual({ files: 4, leases: 1, holes: 2 });
      const moved = found.rootDirectoryClient.getFileClient("new/place");
      expect((await moved.getProperties()).metadata).toEqual({ path: "deep_moved" });
      expect((await moved.getRangeList()).rangeList).toEqual([]);
      expect((await found.rootDirectoryClient.getFileClient("kept").getProperties()).leaseState).toBe("leased");
      expect((await found.rootDirectoryClient.getProperties()).fileCreatedOn).toEqual(new Date(0));
    });
  });

  it("is also deleted if it is only about holes, and kept for snapshots", async () => {
    const sparse = (name: string) => share.rootDirectoryClient.getFileClient(name);
    for (const name of ["kept", "shown", "deleted"]) await sparse(name).create(10_000);
    await sparse("deleted").delete();
    const { snapshot = "" } = await share.createSnapshot();
    await sparse("doomed").create(10_000);
    expect(rows().holes).toBe(5);
    await rm(join(folder, "shown"));
    await rm(join(folder, "doomed"));
    await restarted(async (found) => {
      await expect.poll(() => rows().holes).toBe(3);
      expect((await found.rootDirectoryClient.getFileClient("kept").getRangeList()).rangeList).toEqual([]);
      const then = found.withSnapshot(snapshot).rootDirectoryClient.getFileClient("shown");
      expect((await then.getRangeList()).rangeList).toEqual([]);
    });
  });

  it("is kept for files that are created or moved while the share is searched", async () => {
    for (let directory = 0; directory < 40; directory++) await mkdir(join(folder, `directory-${directory}`));
    await makeFile("directory-0/wanderer");
    for (let index = 0; index < 20; index++) await makeFile(`deleted-${index}`);
    await Promise.all(Array.from({ length: 20 }, (_, index) => rm(join(folder, `deleted-${index}`))));
    await restarted(async (found) => {
      const made: string[] = [];
      let place = 0;
      const moving = new AbortController();
      const wandering = (async () => {
        while (!moving.signal.aborted) {
          const next = (place + 17) % 40;
          await rename(join(folder, `directory-${place}/wanderer`), join(folder, `directory-${next}/wanderer`));
          place = next;
          await setTimeout(1);
        }
      })();
      for (let index = 0; index < 100; index++) {
        made.push(`directory-${index % 40}/made-${index}`);
        await makeFile(made.at(-1) ?? "", found);
      }
      moving.abort();
      await wandering;
      // When the share is quiet, rows of deleted files are deleted, and no others.
      await expect.poll(() => rows().files).toBe(101);
      for (const name of [...made, `directory-${place}/wanderer`]) {
        const { metadata } = await found.rootDirectoryClient.getFileClient(name).getProperties();
        expect(metadata, name).not.toEqual({});
      }
    });
  });

  it.each([false, true])(
    "is kept for a share that is moved aside during the search (replaced: %s)",
    async (isReplaced) => {
      for (const name of ["one", "two", "three"]) await makeFile(name);
      await rm(join(folder, "three"));
      await fixture.service.close();
      const storage = new Storage(fixture.dataDir, [account.name]);
      try {
        const found = storage.share({ accountName: account.name, shareName: "swept" });
        const searching = forgetGone(storage, [found], true);
        renameSync(folder, `${folder}-aside`);
        if (isReplaced) mkdirSync(folder);
        await searching;
        // Even rows of deleted files are kept, because the whole share was never seen at one moment.
        expect(rows().files).toBe(3);
        rmSync(folder, { recursive: true, force: true });
        renameSync(`${folder}-aside`, folder);
        await forgetGone(storage, [found], true);
        expect(rows().files).toBe(2);
      } finally {
        await storage.close();
      }
    },
  );
});
