import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FilesService } from "../../src/files/filesService.ts";
import { until } from "../until.ts";
import { asideIn, deletedVersion, filledShare, listed, setRetention } from "./deletedShares.ts";
import { everything } from "./signedRequest.ts";
import { account, clientOf, rawRequest, refusal, startFixture } from "./support.ts";
import type { Fixture } from "./support.ts";

describe("a deleted share, while deleted shares are kept", () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await startFixture();
    await setRetention(fixture.service, 7);
  });
  afterAll(() => fixture.close());

  it("does not exist for clients, is listed on request, and can be restored unchanged", async () => {
    const share = await filledShare(fixture, "returning");
    await share.setAccessPolicy([{ id: "policy", accessPolicy: { permissions: "r" } as never }]);
    const before = await share.getProperties();
    const { etag } = await share.rootDirectoryClient.getFileClient("file.txt").getProperties();
    await share.delete();
    expect(await share.exists()).toBe(false);
    expect(await readdir(join(fixture.dataDir, account.name))).not.toContain("returning");
    expect(await listed(fixture, { prefix: "returning" })).toEqual([]);
    const [item] = await listed(fixture, { prefix: "returning", includeDeleted: true, includeMetadata: true });
    expect(item).toMatchObject({
      name: "returning",
      deleted: true,
      metadata: { of: "returning" },
      properties: { quota: 3, remainingRetentionDays: 7, etag: before.etag },
    });
    expect(Math.abs(Date.now() - Number(item?.properties.deletedTime?.getTime()))).toBeLessThan(60_000);

    await fixture.client.undeleteShare("returning", item?.version ?? "");
    expect(await share.getProperties()).toMatchObject({ etag: before.etag, metadata: { of: "returning" }, quota: 3 });
    expect((await share.getAccessPolicy()).signedIdentifiers.map(({ id }) => id)).toEqual(["policy"]);
    const file = await share.rootDirectoryClient.getFileClient("file.txt").download();
    expect(file).toMatchObject({ etag, contentType: "a/b", metadata: { kept: "yes" } });
    expect(await readFile(join(fixture.dataDir, account.name, "returning", "file.txt"), "utf8")).toBe("returning");
    expect(await listed(fixture, { prefix: "returning", includeDeleted: true })).toHaveLength(1);
  });

  it("keeps its snapshots, and is restored with them", async () => {
    const share = await filledShare(fixture, "with-snapshot");
    const { snapshot = "" } = await share.createSnapshot();
    await share.deleteFile("file.txt");
    await share.delete({ deleteSnapshots: "include" });
    expect(await refusal(share.withSnapshot(snapshot).getProperties())).toMatchObject({ code: "ShareNotFound" });
    await fixture.client.undeleteShare("with-snapshot", await deletedVersion(fixture, "with-snapshot"));
    const file = share.withSnapshot(snapshot).rootDirectoryClient.getFileClient("file.txt");
    expect((await file.downloadToBuffer()).toString()).toBe("with-snapshot");
  });

  it("frees its name, and is restored only if the name is free", async () => {
    await (await filledShare(fixture, "again")).delete();
    const second = await filledShare(fixture, "again");
    await second.setMetadata({ of: "the second" });
    const first = await deletedVersion(fixture, "again");
    expect(await refusal(fixture.client.undeleteShare("again", first))).toMatchObject({
      status: 409,
      code: "ShareAlreadyExists",
    });
    expect((await second.getProperties()).metadata).toEqual({ of: "the second" });
    await second.delete();
    const items = await listed(fixture, { prefix: "again", includeDeleted: true });
    expect(items.map(({ name, deleted }) => [name, deleted])).toEqual([
      ["again", true],
      ["again", true],
    ]);
    expect(new Set(items.map(({ version }) => version)).size).toBe(2);
    await fixture.client.undeleteShare("again", first);
    expect((await second.getProperties()).metadata).toEqual({ of: "again" });
  });

  it("is not found under another version, another name or twice", async () => {
    await (await filledShare(fixture, "precise")).delete();
    const version = await deletedVersion(fixture, "precise");
    for (const [name, wrong] of [
      ["precise", "11111111-1111-1111-1111-111111111111"],
      ["precise", "../precise"],
      ["imprecise", version],
    ] as const) {
      expect(await refusal(fixture.client.undeleteShare(name, wrong))).toMatchObject({
        status: 404,
        code: "ShareNotFound",
      });
    }
    const headers = { "x-ms-deleted-share-name": "precise", "x-ms-deleted-share-version": version };
    const path = (share: string): string => `/${account.name}/${share}?restype=share&comp=undelete&${everything()}`;
    expect((await rawRequest(fixture.service, "PUT", path("elsewhere"), headers)).status).toBe(400);
    expect((await rawRequest(fixture.service, "PUT", path("precise"), {})).status).toBe(400);
    await fixture.client.undeleteShare("precise", version);
    expect(await refusal(fixture.client.undeleteShare("precise", version))).toMatchObject({ code: "ShareNotFound" });
  });

  it("no longer has the lease that it was deleted with", async () => {
    const share = await filledShare(fixture, "leased-once");
    const leaseId = "11111111-1111-1111-1111-111111111111";
    await share.getShareLeaseClient(leaseId).acquireLease(-1);
    await share.delete({ leaseAccessConditions: { leaseId } });
    await fixture.client.undeleteShare("leased-once", await deletedVersion(fixture, "leased-once"));
    expect((await share.getProperties()).leaseState).toBe("available");
  });

  it("is removed permanently when it expires", async () => {
    const share = await filledShare(fixture, "expiring");
    await share.createSnapshot();
    const before = await asideIn(fixture.dataDir);
    await share.delete({ deleteSnapshots: "include" });
    const version = await deletedVersion(fixture, "expiring");
    expire(fixture.dataDir, version);
    expect(await deletedVersion(fixture, "expiring")).toBe("");
    expect(await refusal(fixture.client.undeleteShare("expiring", version))).toMatchObject({ code: "ShareNotFound" });
    await fixture.service.close();
    const second = await FilesService.start({ dataDir: fixture.dataDir, accounts: [account] });
    await until("the share and its snapshot are removed", async () => {
      return (await asideIn(fixture.dataDir)).length === before.length - 1;
    });
    await second.close();
    expect(await asideIn(fixture.dataDir)).not.toContain(`.deleted-${version}`);
  });
});

describe("the retention of deleted shares", () => {
  it("is set by the options of the service, unless the account sets it", async () => {
    const { dataDir, service, close } = await startFixture();
    await service.close();
    const started = await FilesService.start({ dataDir, accounts: [account], shareRetentionDays: 30 });
    const client = clientOf(started);
    await client.createShare("thirty");
    await client.deleteShare("thirty");
    const [item] = await listed({ client }, { includeDeleted: true });
    expect(item?.properties.remainingRetentionDays).toBe(30);
    await setRetention(started, 0);
    await client.createShare("none");
    await client.deleteShare("none");
    expect((await listed({ client }, { includeDeleted: true })).map(({ name }) => name)).toEqual(["thirty"]);
    await started.close();
    await expect(FilesService.start({ dataDir, accounts: [account], shareRetentionDays: 366 })).rejects.toThrow(
      "shareRetentionDays must be an integer from 0 to 365, got 366.",
    );
    await close();
  });
});

/** Lets a deleted share expire. */
function expire(dataDir: string, version: string): void {
  const database = new DatabaseSync(join(dataDir, "properties.db"));
  database.prepare("UPDATE deleted_shares SET expires_on = 1 WHERE folder = ?").run(`.deleted-${version}`);
  database.close();
}
