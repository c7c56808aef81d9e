import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout } from "node:timers/promises";
import { ShareServiceClient } from "@azure/storage-file-share";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FilesService } from "../../src/files/filesService.ts";
import { until } from "../until.ts";
import { asideIn, deletedVersion, filledShare, listed, setRetention } from "./deletedShares.ts";
import { account, clientOf, credential, startFixture } from "./support.ts";
import type { Fixture } from "./support.ts";

const fileNames = Array.from({ length: 12 }, (_, index) => `file-${index}.txt`);

describe("after a service was killed", () => {
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await startFixture();
    await setRetention(fixture.service, 7);
  });
  afterEach(() => fixture.close());

  /** Stops the service, changes the disk to the state after a crash, and starts another one. */
  async function afterCrash<T>(change: () => Promise<void>, check: (found: Fixture) => Promise<T>): Promise<T> {
    await fixture.service.close();
    await change();
    const restarted = await FilesService.start({ dataDir: fixture.dataDir, accounts: [account] });
    try {
      return await check({ ...fixture, service: restarted, client: clientOf(restarted) });
    } finally {
      await restarted.close();
    }
  }

  it("between noting a deletion and moving the folder, the share was never deleted", async () => {
    await (await filledShare(fixture, "undecided")).delete();
    const version = await deletedVersion(fixture, "undecided");
    const at = (name: string): string => join(fixture.dataDir, account.name, name);
    await afterCrash(
      () => rename(at(`.deleted-${version}`), at("undecided")),
      async (found) => {
        const share = found.client.getShareClient("undecided");
        const file = share.rootDirectoryClient.getFileClient("file.txt");
        expect(await file.getProperties()).toMatchObject({ contentType: "a/b", metadata: { kept: "yes" } });
        expect(await listed(found, { includeDeleted: true })).toHaveLength(1);
        await share.delete();
        await found.client.undeleteShare("undecided", await deletedVersion(found, "undecided"));
        expect(await share.exists()).toBe(true);
      },
    );
  });

  it("deleted shares can still be restored", async () => {
    await (await filledShare(fixture, "waiting")).delete();
    await afterCrash(
      () => Promise.resolve(),
      async (found) => {
        await found.client.undeleteShare("waiting", await deletedVersion(found, "waiting"));
        const file = found.client.getShareClient("waiting").rootDirectoryClient.getFileClient("file.txt");
        expect(await file.getProperties()).toMatchObject({ contentType: "a/b" });
      },
    );
  });

  it("in the middle of a snapshot, nothing of the snapshot is left", async () => {
    await filledShare(fixture, "half");
    await afterCrash(
      async () => {
        const half = join(fixture.dataDir, account.name, ".snapshot-11111111-1111-1111-1111-111111111111");
        await mkdir(join(half, "deep"), { recursive: true });
        await writeFile(join(half, "deep", "file.txt"), "half");
      },
      async (found) => {
        expect(await listed(found, { includeSnapshots: true })).toHaveLength(1);
        await until("the rest is removed", async () => (await asideIn(fixture.dataDir)).length === 0);
      },
    );
  });

  it("snapshots whose folder was removed are no longer listed", async () => {
    const share = await filledShare(fixture, "robbed");
    const { snapshot = "" } = await share.createSnapshot();
    const kept = await share.createSnapshot();
    const [folder = ""] = await asideIn(fixture.dataDir);
    const folders = await asideIn(fixture.dataDir);
    expect(folders).toHaveLength(2);
    await rm(join(fixture.dataDir, account.name, folder), { recursive: true });
    const left = await listed(fixture, { includeSnapshots: true });
    expect(left.map((item) => item.snapshot).filter((time) => time !== undefined)).toHaveLength(1);
    await afterCrash(
      () => Promise.resolve(),
      async (found) => {
        const again = await listed(found, { includeSnapshots: true });
        expect(again.map((item) => item.snapshot)).toEqual(left.map((item) => item.snapshot));
        expect([snapshot, kept.snapshot]).toContain(again[0]?.snapshot);
      },
    );
  });

  it("in the middle of removing a share permanently, the rest of it is removed", async () => {
    await (await filledShare(fixture, "halfway")).delete();
    const version = await deletedVersion(fixture, "halfway");
    await afterCrash(
      () => {
        const database = new DatabaseSync(join(fixture.dataDir, "properties.db"));
        database.exec("DELETE FROM deleted_shares; DELETE FROM files; DELETE FROM shares");
        database.close();
        return Promise.resolve();
      },
      async (found) => {
        expect(await listed(found, { includeDeleted: true })).toEqual([]);
        const folder = `.deleted-${version}`;
        await until("the rest is removed", async () => !(await asideIn(fixture.dataDir)).includes(folder));
      },
    );
  });

  it("at any moment, each share is complete, live or deleted", async () => {
    const names = ["worker-1", "worker-2", "worker-3"];
    for (const share of names.map((name) => fixture.client.getShareClient(name))) {
      await share.create();
      for (const file of fileNames) await share.rootDirectoryClient.getFileClient(file).uploadData(Buffer.from(file));
    }
    await fixture.service.close();
    for (let round = 0; round < 6; round++) {
      const { kill, client } = await startProcess(fixture.dataDir);
      const working = Promise.allSettled(names.map((name) => workOn(client, name)));
      // Any moment during the work; nothing is certain to have happened before.
      await setTimeout(50 + 60 * round);
      await kill();
      await working;
    }
    const service = await FilesService.start({ dataDir: fixture.dataDir, accounts: [account] });
    const client = clientOf(service);
    const items = await listed({ client }, { includeSnapshots: true, includeDeleted: true });
    const aside = items.filter((item) => item.snapshot !== undefined || item.deleted === true);
    for (const item of items) {
      if (item.deleted === true) {
        await client.getShareClient(item.name).deleteIfExists({ deleteSnapshots: "include" });
        await client.undeleteShare(item.name, item.version ?? "");
      }
      const share = client.getShareClient(item.name).withSnapshot(item.snapshot ?? "");
      for (const name of fileNames) {
        const file = await share.rootDirectoryClient.getFileClient(name).downloadToBuffer();
        expect([item.name, name, file.toString()]).toEqual([item.name, name, name]);
      }
    }
    expect(new Set(items.map(({ name }) => name))).toEqual(new Set(names));
    expect(aside.length).toBeGreaterThan(0);
    await service.close();
  });

  it("properties in the first version of the database are kept", async () => {
    const share = await filledShare(fixture, "older");
    await afterCrash(
      () => {
        downgrade(fixture.dataDir);
        return Promise.resolve();
      },
      async (found) => {
        const again = found.client.getShareClient("older");
        expect(await again.getProperties()).toMatchObject({ metadata: { of: "older" }, quota: 3 });
        const file = again.rootDirectoryClient.getFileClient("file.txt");
        expect(await file.getProperties()).toMatchObject({ contentType: "a/b", metadata: { kept: "yes" } });
      },
    );
    expect(share.name).toBe("older");
  });
});

/** Starts the service in its own process, which can be killed. */
async function startProcess(dataDir: string): Promise<{ client: ShareServiceClient; kill: () => Promise<void> }> {
  const module = new URL("../../src/files/index.ts", import.meta.url).href;
  const options = JSON.stringify({ dataDir, accounts: [account] });
  const script = `import { FilesService } from ${JSON.stringify(module)};
    const service = await FilesService.start(${options});
    console.log(service.endpoint);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const url = `${String(line).trim()}/${account.name}`;
  return {
    client: new ShareServiceClient(url, credential, { retryOptions: { maxTries: 1 } }),
    kill: async () => {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

/** Takes snapshots of a share, deletes it and restores it, until the service is killed. */
async function workOn(client: ShareServiceClient, name: string): Promise<void> {
  const share = client.getShareClient(name);
  for (;;) {
    if (!(await share.exists())) await client.undeleteShare(name, await deletedVersion({ client }, name));
    await share.createSnapshot();
    await share.delete({ deleteSnapshots: "include" });
  }
}

/** Turns the tables of `properties.db` back into those of its first version. */
function downgrade(dataDir: string): void {
  const database = new DatabaseSync(join(dataDir, "properties.db"));
  database.exec(`
    ALTER TABLE shares RENAME TO shares_2;
    ALTER TABLE files RENAME TO files_2;
    CREATE TABLE shares (account TEXT NOT NULL, share TEXT NOT NULL, identity TEXT NOT NULL, properties TEXT NOT NULL,
      PRIMARY KEY (account, share)) WITHOUT ROWID;
    CREATE TABLE files (account TEXT NOT NULL, share TEXT NOT NULL, identity TEXT NOT NULL, properties TEXT NOT NULL,
      PRIMARY KEY (account, share, identity)) WITHOUT ROWID;
    INSERT INTO shares SELECT '${account.name}', 'older', share, properties FROM shares_2;
    INSERT INTO files SELECT '${account.name}', 'older', file, properties FROM files_2;
    DROP TABLE shares_2; DROP TABLE files_2; DROP TABLE leases; DROP TABLE permissions; DROP TABLE snapshots;
    DROP TABLE deleted_shares; DROP TABLE services;
    PRAGMA user_version = 1;
  `);
  database.close();
}
