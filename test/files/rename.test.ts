import { link, mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FileSystemAttributes, ShareServiceClient } from "@azure/storage-file-share";
import type { ShareClient, ShareFileClient } from "@azure/storage-file-share";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FilesService } from "../../src/files/filesService.ts";
import { everything } from "./signedRequest.ts";
import { account, clientOf, credential, rawRequest, refusal, startFixture } from "./support.ts";
import type { Fixture } from "./support.ts";

let fixture: Fixture;
let share: ShareClient;
let folder: string;
beforeAll(async () => {
  fixture = await startFixture();
  share = fixture.client.getShareClient("renaming");
  await share.create();
  folder = fixture.service.shareFolder(account.name, "renaming") ?? "";
});
afterAll(() => fixture.close());

async function fileWith(name: string, text: string): Promise<ShareFileClient> {
  const file = share.rootDirectoryClient.getFileClient(name);
  await file.uploadData(Buffer.from(text), { metadata: { from: name }, fileHttpHeaders: { fileContentType: "a/b" } });
  return file;
}

function readText(name: string): Promise<string> {
  return readFile(join(folder, name), "utf8");
}

describe("renaming files through the official client", () => {
  it("keeps content and properties, and returns a working client", async () => {
    const file = await fileWith("old name.txt", "content");
    const { destinationFileClient: moved } = await file.rename("new name.txt");
    expect(await file.exists()).toBe(false);
    expect(await readText("new name.txt")).toBe("content");
    expect(await moved.getProperties()).toMatchObject({ contentType: "a/b", metadata: { from: "old name.txt" } });
    expect((await moved.downloadToBuffer()).toString()).toBe("content");
  });

  it("moves between directories, and changes the properties in the request", async () => {
    await share.createDirectory("from");
    await share.createDirectory("to");
    const file = share.getDirectoryClient("from").getFileClient("ü & é.txt");
    await file.uploadData(Buffer.from("x"), { metadata: { old: "1" } });
    const creationTime = "2018-05-01T00:00:00.0000000Z";
    await file.rename("to/ß.txt", {
      contentType: "text/plain",
      metadata: { new: "2" },
      copyFileSmbInfo: { fileAttributes: "Hidden", fileCreationTime: creationTime },
    });
    expect(await share.getDirectoryClient("to").getFileClient("ß.txt").getProperties()).toMatchObject({
      contentType: "text/plain",
      metadata: { new: "2" },
      fileAttributes: "Hidden",
      fileCreatedOn: new Date(creationTime),
    });
  });

  it("replaces a file only on request, and a read-only one only on a further request", async () => {
    const source = await fileWith("source", "new");
    const destination = await fileWith("destination", "old");
    expect(await refusal(source.rename("destination"))).toMatchObject({ status: 409, code: "ResourceAlreadyExists" });
    await destination.setProperties({ fileAttributes: FileSystemAttributes.parse("ReadOnly") });
    expect(await refusal(source.rename("destination", { replaceIfExists: true }))).toMatchObject({
      code: "ReadOnlyAttribute",
    });
    expect(await readText("destination")).toBe("old");
    await source.rename("destination", { replaceIfExists: true, ignoreReadOnly: true });
    expect(await readText("destination")).toBe("new");
    expect((await destination.getProperties()).metadata).toEqual({ from: "source" });
    expect(await source.exists()).toBe(false);
  });

  it("changes the spelling of a name", async () => {
    await (await fileWith("spelling", "x")).rename("SPELLING");
    expect(await readdir(folder)).toContain("SPELLING");
    expect(await readdir(folder)).not.toContain("spelling");
  });

  it("leaves one name of a file that has two", async () => {
    const file = await fileWith("first-link", "x");
    await link(join(folder, "first-link"), join(folder, "second-link"));
    await file.rename("second-link", { replaceIfExists: true });
    expect(await file.exists()).toBe(false);
    const second = share.rootDirectoryClient.getFileClient("second-link");
    expect((await second.getProperties()).metadata).toEqual({ from: "first-link" });
  });

  it("keeps trailing dots if the client does", async () => {
    const options = { allowTrailingDot: true, allowSourceTrailingDot: true };
    const dotted = new ShareServiceClient(fixture.client.url, credential, options).getShareClient("renaming");
    await dotted.rootDirectoryClient.getFileClient("dots...").uploadData(Buffer.from("x"));
    await dotted.rootDirectoryClient.getFileClient("dots...").rename("other.");
    expect(await readText("other.")).toBe("x");
    await dotted.rootDirectoryClient
      .getFileClient("copy.")
      .startCopyFromURL(dotted.rootDirectoryClient.getFileClient("other.").url);
    expect(await readText("copy.")).toBe("x");
    expect(await readdir(folder)).not.toContain("other");
  });

  it("requires the leases of both files", async () => {
    const source = await fileWith("leased-source", "new");
    const destination = await fileWith("leased-destination", "old");
    const sourceLease = (await source.getShareLeaseClient().acquireLease()).leaseId ?? "";
    const destinationLease = (await destination.getShareLeaseClient().acquireLease()).leaseId ?? "";
    const options = { replaceIfExists: true };
    const sourceLeaseAccessConditions = { leaseId: sourceLease };
    expect(await refusal(source.rename("leased-destination", options))).toMatchObject({ code: "LeaseIdMissing" });
    expect(
      await refusal(source.rename("leased-destination", { ...options, sourceLeaseAccessConditions })),
    ).toMatchObject({ status: 412, code: "LeaseIdMissing" });
    const destinationLeaseAccessConditions = { leaseId: destinationLease };
    await source.rename("leased-destination", {
      ...options,
      sourceLeaseAccessConditions,
      destinationLeaseAccessConditions,
    });
    expect(await readText("leased-destination")).toBe("new");
  });

  it("is rejected if the names are not valid", async () => {
    const file = await fileWith("stays", "x");
    await share.createDirectory("a-directory");
    expect(await refusal(file.rename("no/where"))).toMatchObject({ status: 404, code: "ParentNotFound" });
    expect(await refusal(file.rename("a-directory", { replaceIfExists: true }))).toMatchObject({
      code: "ResourceTypeMismatch",
    });
    expect(await refusal(file.rename("co:lon"))).toMatchObject({ code: "InvalidResourceName" });
    expect(await refusal(file.rename("nul"))).toMatchObject({ code: "InvalidResourceName" });
    const absent = share.rootDirectoryClient.getFileClient("absent");
    expect(await refusal(absent.rename("x"))).toMatchObject({ status: 404, code: "ResourceNotFound" });
    expect(await readText("stays")).toBe("x");
  });
});

describe("renaming directories through the official client", () => {
  it("moves everything", async () => {
    const directory = share.getDirectoryClient("before");
    await directory.create({ metadata: { kept: "yes" } });
    await directory.getFileClient("inside").uploadData(Buffer.from("x"), { metadata: { inner: "yes" } });
    await mkdir(join(folder, "before", "by-a-job"));
    await directory.rename("after");
    expect((await readdir(join(folder, "after"))).sort()).toEqual(["by-a-job", "inside"]);
    const after = share.getDirectoryClient("after");
    expect((await after.getProperties()).metadata).toEqual({ kept: "yes" });
    expect((await after.getFileClient("inside").getProperties()).metadata).toEqual({ inner: "yes" });
  });

  it("never replaces a directory or file, and moves no directory into itself", async () => {
    for (const name of ["one", "two"]) await share.createDirectory(name);
    await writeFile(join(folder, "a-file"), "");
    const one = share.getDirectoryClient("one");
    expect(await refusal(one.rename("two"))).toMatchObject({ status: 409, code: "ResourceAlreadyExists" });
    expect(await refusal(one.rename("two", { replaceIfExists: true }))).toMatchObject({ code: "ResourceTypeMismatch" });
    expect(await refusal(one.rename("a-file", { replaceIfExists: true }))).toMatchObject({ status: 409 });
    expect(await refusal(one.rename("one/inner"))).toMatchObject({ status: 400 });
    expect(await readdir(folder)).toEqual(expect.arrayContaining(["one", "two", "a-file"]));
  });
});

describe("the source of a rename", () => {
  const rename = (source: string, headers: Record<string, string> = {}) => {
    const path = `/${account.name}/renaming/renamed?comp=rename&${everything()}`;
    return rawRequest(fixture.service, "PUT", path, { "x-ms-file-rename-source": source, ...headers });
  };

  it("must be in the same share, on this endpoint, and allowed by its own signature", async () => {
    await fileWith("signed", "x");
    await fixture.client.createShare("elsewhere");
    const base = `${fixture.service.endpoint}/${account.name}`;
    const refused = { "x-ms-error-code": "CannotVerifyCopySource" };
    expect((await rename(`${base}/renaming/signed`)).headers).toMatchObject(refused);
    expect((await rename(`${base}/renaming/signed?${everything()}x`)).headers).toMatchObject({
      ...refused,
      "x-ms-copy-source-error-code": "AuthenticationFailed",
      "x-ms-copy-source-status-code": "403",
    });
    expect((await rename(`http://127.0.0.1:1/${account.name}/renaming/signed?${everything()}`)).headers).toMatchObject(
      refused,
    );
    for (const source of ["", "signed", "file:///etc/passwd", `${base}/../renaming/signed`, `${base}/elsewhere/x`]) {
      expect((await rename(`${source}?${everything()}`)).status).toBeLessThan(500);
      expect((await rename(`${source}?${everything()}`)).status).toBeGreaterThanOrEqual(400);
    }
    expect((await rename(`${base}/renaming/signed?${everything()}`)).status).toBe(200);
  });
});

describe("URLs without the account in their path", () => {
  it("may name it in the host, as in Azure", async () => {
    await fileWith("by-host", "virtual");
    const { port } = new URL(fixture.service.endpoint);
    const host = `${account.name}.file.localhost:${port}`;
    const answer = await rawRequest(fixture.service, "GET", `/renaming/by-host?${everything()}`, { host });
    expect([answer.status, answer.body]).toEqual([200, "virtual"]);
    const list = await rawRequest(fixture.service, "GET", `/?comp=list&${everything()}`, { host });
    expect(list.body).toContain(`ServiceEndpoint="http://${host}/"`);
  });

  it("work for renaming with a SAS, or with the key of one of several accounts", async () => {
    await fileWith("by-sas", "x");
    const withSas = new ShareServiceClient(`${fixture.service.fileEndpoint(account.name)}?${everything()}`);
    await withSas.getShareClient("renaming").rootDirectoryClient.getFileClient("by-sas").rename("sas-did");
    expect(await readText("sas-did")).toBe("x");
    const accounts = [account, { name: "other", key: account.key }];
    const second = await FilesService.start({ dataDir: join(fixture.dataDir, "second"), accounts });
    const other = clientOf(second).getShareClient("another");
    await other.create();
    const file = other.rootDirectoryClient.getFileClient("one");
    await file.create(0);
    await file.rename("two");
    expect(await readdir(second.shareFolder(account.name, "another") ?? "")).toEqual(["two"]);
    await second.close();
  });
});
