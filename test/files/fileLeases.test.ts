import { randomUUID } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ShareClient, ShareFileClient } from "@azure/storage-file-share";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { account, refusal, startFixture } from "./support.ts";
import type { Fixture } from "./support.ts";

let fixture: Fixture;
let share: ShareClient;
let folder: string;
beforeAll(async () => {
  fixture = await startFixture();
  share = fixture.client.getShareClient("leasing");
  await share.create();
  folder = fixture.service.shareFolder(account.name, "leasing") ?? "";
});
afterAll(() => fixture.close());

async function fileWith(name: string, text: string): Promise<ShareFileClient> {
  const file = share.rootDirectoryClient.getFileClient(name);
  await file.uploadData(Buffer.from(text));
  return file;
}

/** All changes of a file, with the lease ID of a client. */
function writes(file: ShareFileClient, source: string): ((leaseId?: string) => Promise<unknown>)[] {
  const naming = (leaseId?: string) => (leaseId === undefined ? {} : { leaseAccessConditions: { leaseId } });
  return [
    (id) => file.uploadRange("x", 0, 1, naming(id)),
    (id) => file.clearRange(0, 1, naming(id)),
    (id) => file.uploadRangeFromURL(source, 0, 0, 1, naming(id)),
    (id) => file.resize(5, naming(id)),
    (id) => file.setHttpHeaders({ fileContentType: "a/b" }, naming(id)),
    (id) => file.setProperties(naming(id)),
    (id) => file.setMetadata({ a: "b" }, naming(id)),
    (id) => file.startCopyFromURL(source, naming(id)),
    (id) => file.create(5, naming(id)),
    (id) => file.delete(naming(id)),
  ];
}

describe("a lease on a file", () => {
  it("prevents changes without its ID, but not reads", async () => {
    const source = await fileWith("source", "s");
    const file = await fileWith("guarded", "12345");
    const lease = file.getShareLeaseClient();
    const { leaseId = "" } = await lease.acquireLease();
    for (const write of writes(file, source.url)) {
      expect(await refusal(write()), String(write)).toMatchObject({ status: 412, code: "LeaseIdMissing" });
      expect(await refusal(write(randomUUID())), String(write)).toMatchObject({
        status: 412,
        code: "LeaseIdMismatchWithFileOperation",
      });
    }
    expect(await readFile(join(folder, "guarded"), "utf8")).toBe("12345");
    expect(await file.getProperties()).toMatchObject({
      leaseState: "leased",
      leaseStatus: "locked",
      leaseDuration: "infinite",
    });
    expect((await file.downloadToBuffer()).toString()).toBe("12345");
    await file.getRangeList({ leaseAccessConditions: { leaseId } });
    const other = { leaseAccessConditions: { leaseId: randomUUID() } };
    expect(await refusal(file.getRangeList(other))).toMatchObject({ code: "LeaseIdMismatchWithFileOperation" });
    expect(await refusal(file.download(0, 1, other))).toMatchObject({ code: "LeaseIdMismatchWithFileOperation" });
    for (const write of writes(file, source.url)) await write(leaseId);
    expect(await file.exists()).toBe(false);
  });

  it("is kept when its holder creates the file again", async () => {
    const file = await fileWith("anew", "old");
    const { leaseId = "" } = await file.getShareLeaseClient().acquireLease();
    await file.create(3, { leaseAccessConditions: { leaseId } });
    expect((await file.getProperties()).leaseState).toBe("leased");
    expect(await refusal(file.delete())).toMatchObject({ code: "LeaseIdMissing" });
  });

  it("is changed, released and broken, and does not change the ETag", async () => {
    const file = await fileWith("states", "x");
    const { etag } = await file.getProperties();
    const lease = file.getShareLeaseClient();
    await lease.acquireLease();
    expect(await refusal(file.getShareLeaseClient().acquireLease())).toMatchObject({ code: "LeaseAlreadyPresent" });
    const next = randomUUID();
    await lease.changeLease(next);
    expect(lease.leaseId).toBe(next);
    await lease.releaseLease();
    expect(await file.getProperties()).toMatchObject({ leaseState: "available", leaseStatus: "unlocked", etag });
    expect(await refusal(file.delete({ leaseAccessConditions: { leaseId: next } }))).toMatchObject({
      code: "LeaseNotPresentWithFileOperation",
    });
    await file.getShareLeaseClient().acquireLease();
    await file.getShareLeaseClient().breakLease();
    expect((await file.getProperties()).leaseState).toBe("broken");
    await file.setMetadata({ free: "again" });
    expect(await refusal(file.getShareLeaseClient().acquireLease(30))).toMatchObject({ status: 400 });
  });

  it("does not pass to a file that replaces it on the disk", async () => {
    const file = await fileWith("swapped", "x");
    await file.getShareLeaseClient().acquireLease();
    await rm(join(folder, "swapped"));
    await writeFile(join(folder, "swapped"), "y");
    expect((await file.getProperties()).leaseState).toBe("available");
    await file.delete();
  });
});
