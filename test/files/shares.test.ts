import { mkdir, readdir, rm, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { everything } from "./signedRequest.ts";
import { account, rawRequest, refusal, startFixture } from "./support.ts";
import type { Fixture } from "./support.ts";

describe("shares through the official client", () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await startFixture();
  });
  afterAll(() => fixture.close());

  it("creates a share as a plain folder, with quota and metadata", async () => {
    const share = fixture.client.getShareClient("first-share");
    await share.create({ quota: 7, metadata: { Project: "mnist" } });
    expect((await stat(join(fixture.dataDir, account.name, "first-share"))).isDirectory()).toBe(true);
    const properties = await share.getProperties();
    expect(properties.quota).toBe(7);
    expect(properties.metadata).toEqual({ project: "mnist" });
    expect(properties.leaseStatus).toBe("unlocked");
  });

  it("returns 409 for a share that exists and 404 for one that does not", async () => {
    await fixture.client.getShareClient("twice").create();
    expect(await refusal(fixture.client.getShareClient("twice").create())).toMatchObject({
      status: 409,
      code: "ShareAlreadyExists",
    });
    expect((await fixture.client.getShareClient("twice").createIfNotExists()).succeeded).toBe(false);
    expect(await refusal(fixture.client.getShareClient("nowhere").getProperties())).toMatchObject({
      status: 404,
      code: "ShareNotFound",
    });
    expect(await fixture.client.getShareClient("nowhere").exists()).toBe(false);
  });

  it("changes quota and metadata, each with a new ETag and neither touching the other", async () => {
    const share = fixture.client.getShareClient("changing");
    const { etag: created } = await share.create({ quota: 5 });
    await share.setMetadata({ a: "1", b: "2" });
    await share.setQuota(9);
    const properties = await share.getProperties();
    expect(properties).toMatchObject({ quota: 9, metadata: { a: "1", b: "2" } });
    expect(properties.etag).not.toBe(created);
    expect(await refusal(share.setQuota(0))).toMatchObject({ status: 400, code: "OutOfRangeInput" });
  });

  it("deletes a share with everything in it and leaves nothing behind", async () => {
    const share = fixture.client.getShareClient("doomed");
    await share.create({ quota: 3 });
    await share.createDirectory("deep");
    await share.getDirectoryClient("deep").createFile("file.txt", 10);
    await share.delete();
    expect(await share.exists()).toBe(false);
    const left = await readdir(join(fixture.dataDir, account.name));
    expect(left.filter((name) => name === "doomed" || name.startsWith("."))).toEqual([]);
    await share.create();
    expect((await share.getProperties()).quota).toBe(5120);
  });

  it("rejects names that Azure rejects", async () => {
    for (const name of ["ab", "Upper", "two--hyphens", "-start", "end-", "dot.ted", "a".repeat(64)]) {
      expect(await refusal(fixture.client.getShareClient(name).create())).toMatchObject({
        status: 400,
        code: "InvalidResourceName",
      });
    }
  });

  it("treats a folder on the disk as a share, and ignores a symbolic link", async () => {
    await mkdir(join(fixture.dataDir, account.name, "by-hand"));
    await symlink("/etc", join(fixture.dataDir, account.name, "linked"));
    expect((await fixture.client.getShareClient("by-hand").getProperties()).quota).toBe(5120);
    expect(await fixture.client.getShareClient("linked").exists()).toBe(false);
  });

  it("does not give a share that was created again on the disk the properties of the old one", async () => {
    const share = fixture.client.getShareClient("reborn");
    await share.create({ quota: 11, metadata: { old: "yes" } });
    const folder = join(fixture.dataDir, account.name, "reborn");
    await rm(folder, { recursive: true });
    await mkdir(folder);
    expect(await share.getProperties()).toMatchObject({ quota: 5120, metadata: {} });
  });
});

describe("the list of shares", () => {
  let fixture: Fixture;
  const names = ["alpha", "beta", "beta-two", "gamma", "zeta"];
  beforeAll(async () => {
    fixture = await startFixture();
    for (const name of names) await fixture.client.createShare(name, { metadata: { named: name } });
  });
  afterAll(() => fixture.close());

  it("is complete and sorted, and contains only shares", async () => {
    await mkdir(join(fixture.dataDir, account.name, "Not_A_Share"));
    expect(await namesOf(fixture)).toEqual(names);
  });

  it("can contain all metadata that a header can", async () => {
    const metadata = { _: "text", __cdata: "]]><evil/>", __proto_: "x", constructor_: "<&>\"'" };
    await fixture.client.getShareClient("alpha").setMetadata(metadata);
    for await (const share of fixture.client.listShares({ prefix: "alpha", includeMetadata: true })) {
      expect(share.metadata).toEqual(metadata);
    }
    const answer = await rawRequest(
      fixture.service,
      "PUT",
      `/${account.name}/alpha?restype=share&comp=metadata&${everything()}`,
      { "x-ms-meta-__proto__": "polluted", "x-ms-meta-constructor": "c" },
    );
    expect(answer.status).toBe(200);
    const query = `comp=list&include=metadata&${everything()}`;
    const list = await rawRequest(fixture.service, "GET", `/${account.name}/?${query}`);
    expect(list.status).toBe(200);
    expect(list.body).toContain("<constructor>c</constructor>");
  });

  it("filters by prefix and includes metadata on demand", async () => {
    const found = [];
    for await (const share of fixture.client.listShares({ prefix: "beta", includeMetadata: true })) found.push(share);
    expect(found.map((share) => [share.name, share.metadata])).toEqual([
      ["beta", { named: "beta" }],
      ["beta-two", { named: "beta-two" }],
    ]);
  });

  it.each([1, 2, 4, 5, 6])("is complete and without repetition in pages of %i", async (maxPageSize) => {
    const pages = [];
    for await (const page of fixture.client.listShares().byPage({ maxPageSize })) {
      pages.push(page.shareItems?.map((share) => share.name) ?? []);
    }
    expect(pages.flat()).toEqual(names);
    expect(pages.length).toBe(Math.ceil(names.length / maxPageSize));
  });

  async function namesOf({ client }: Fixture): Promise<string[]> {
    const found: string[] = [];
    for await (const share of client.listShares()) found.push(share.name);
    return found;
  }
});
