import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ShareServiceClient } from "@azure/storage-file-share";
import { beforeEach, describe, expect, it } from "vitest";
import { FilesService } from "../../src/files/filesService.ts";
import { deletedVersion, listed, setRetention } from "./deletedShares.ts";
import { needsCutDisk, withCutDisk } from "./disks.ts";
import { account, clientOf } from "./support.ts";

const fileNames = Array.from({ length: 30 }, (_, index) => `file-${index}`);

/** Lets clients work until a response arrives, cuts the power, and checks what another endpoint finds. */
async function afterPowerFailure(
  work: (client: ShareServiceClient, service: FilesService) => Promise<unknown>,
  look: (client: ShareServiceClient) => Promise<unknown>,
): Promise<void> {
  await withCutDisk(async (disk) => {
    const service = await FilesService.start({ dataDir: disk.folder, accounts: [account] });
    try {
      await work(clientOf(service), service);
      await disk.afterPowerFailure(async (dataDir) => {
        const found = await FilesService.start({ dataDir, accounts: [account] });
        try {
          await look(clientOf(found));
        } finally {
          await found.close();
        }
      });
    } finally {
      await service.close();
    }
  });
}

async function fill(client: ShareServiceClient, name: string): Promise<void> {
  const share = client.getShareClient(name);
  await share.create({ metadata: { of: name }, quota: 3 });
  await share.createDirectory("deep");
  for (const file of fileNames) {
    const content = Buffer.alloc(20_000, file);
    await share.rootDirectoryClient.getFileClient(`deep/${file}`).uploadData(content, { metadata: { file } });
  }
}

beforeEach(needsCutDisk);

describe("after a power failure", () => {
  it("unflushed data is lost; otherwise the other tests would prove nothing", async () => {
    await withCutDisk(async (disk) => {
      await writeFile(join(disk.folder, "lost"), "lost");
      await disk.afterPowerFailure(async (found) => {
        await expect(readFile(join(found, "lost"))).rejects.toThrow("ENOENT");
      });
    });
  });

  it("a new share exists as it was created", async () => {
    await afterPowerFailure(
      (client) => client.createShare("made", { metadata: { kept: "yes" }, quota: 7 }),
      async (client) => {
        const share = client.getShareClient("made");
        expect(await share.getProperties()).toMatchObject({ quota: 7, metadata: { kept: "yes" } });
      },
    );
  });

  it("the properties of shares and accounts are those that were set last", async () => {
    await afterPowerFailure(
      async (client, service) => {
        await setRetention(service, 9);
        await client.setProperties({ cors: [] });
        const share = client.getShareClient("settled");
        await share.create();
        await share.setQuota(11);
        await share.setAccessPolicy([
          { id: "readers", accessPolicy: { startsOn: new Date(), expiresOn: new Date(), permissions: "r" } },
        ]);
        await share.setMetadata({ kept: "yes" });
      },
      async (client) => {
        const share = client.getShareClient("settled");
        expect(await share.getProperties()).toMatchObject({ quota: 11, metadata: { kept: "yes" } });
        expect((await share.getAccessPolicy()).signedIdentifiers).toMatchObject([{ id: "readers" }]);
        await share.delete();
        expect((await listed({ client }, { includeDeleted: true }))[0]?.properties.remainingRetentionDays).toBe(9);
      },
    );
  });

  it("a snapshot is complete", async () => {
    let time = "";
    await afterPowerFailure(
      async (client) => {
        await fill(client, "shown");
        time = (await client.getShareClient("shown").createSnapshot({ metadata: { first: "yes" } })).snapshot ?? "";
      },
      async (client) => {
        const snapshot = client.getShareClient("shown").withSnapshot(time);
        expect((await snapshot.getProperties()).metadata).toEqual({ first: "yes" });
        for (const name of fileNames) {
          const file = snapshot.getDirectoryClient("deep").getFileClient(name);
          expect(await file.downloadToBuffer(), name).toEqual(Buffer.alloc(20_000, name));
          expect((await file.getProperties()).metadata, name).toEqual({ file: name });
        }
      },
    );
  });

  it("a deleted share can be restored, with its snapshots", async () => {
    let time = "";
    await afterPowerFailure(
      async (client, service) => {
        await setRetention(service, 7);
        await fill(client, "aside");
        time = (await client.getShareClient("aside").createSnapshot()).snapshot ?? "";
        await client.getShareClient("aside").delete({ deleteSnapshots: "include" });
      },
      async (client) => {
        expect(await client.getShareClient("aside").exists()).toBe(false);
        await client.undeleteShare("aside", await deletedVersion({ client }, "aside"));
        const share = client.getShareClient("aside");
        expect((await share.getProperties()).metadata).toEqual({ of: "aside" });
        const file = share.withSnapshot(time).rootDirectoryClient.getFileClient("deep/file-29");
        expect(await file.downloadToBuffer()).toEqual(Buffer.alloc(20_000, "file-29"));
        expect(await listed({ client }, { includeSnapshots: true })).toHaveLength(2);
      },
    );
  });

  it("a restored share exists, and a deleted snapshot does not", async () => {
    await afterPowerFailure(
      async (client, service) => {
        await setRetention(service, 7);
        await fill(client, "back");
        const { snapshot = "" } = await client.getShareClient("back").createSnapshot();
        await client.deleteShare("back", { deleteSnapshots: "include" });
        await client.undeleteShare("back", await deletedVersion({ client }, "back"));
        await client.getShareClient("back").withSnapshot(snapshot).delete();
      },
      async (client) => {
        expect((await client.getShareClient("back").getProperties()).metadata).toEqual({ of: "back" });
        const items = await listed({ client }, { includeSnapshots: true, includeDeleted: true });
        expect(items.map(({ name, snapshot, deleted }) => ({ name, snapshot, deleted }))).toEqual([
          { name: "back", snapshot: undefined, deleted: undefined },
        ]);
      },
    );
  });
});
