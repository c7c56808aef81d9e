import { createHash, randomBytes } from "node:crypto";
import { open, readFile, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FileSystemAttributes, generateFileSASQueryParameters } from "@azure/storage-file-share";
import type { FileSASPermissions, ShareClient, ShareFileClient } from "@azure/storage-file-share";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { everything } from "./signedRequest.ts";
import { account, credential, rawRequest, refusal, startFixture } from "./support.ts";
import type { Fixture } from "./support.ts";

let fixture: Fixture;
let share: ShareClient;
let folder: string;
beforeAll(async () => {
  fixture = await startFixture();
  share = fixture.client.getShareClient("copying");
  await share.create();
  folder = fixture.service.shareFolder(account.name, "copying") ?? "";
});
afterAll(() => fixture.close());

function fileNamed(name: string): ShareFileClient {
  return share.rootDirectoryClient.getFileClient(name);
}

async function fileWith(name: string, content: Buffer | string): Promise<ShareFileClient> {
  const file = fileNamed(name);
  await file.uploadData(Buffer.from(content), {
    metadata: { from: name },
    fileHttpHeaders: { fileContentType: "a/b", fileContentMD5: createHash("md5").update(content).digest() },
  });
  return file;
}

/** A file of 4 GiB that takes no space, but long enough to copy for a test to intervene. */
async function largeFile(name: string): Promise<ShareFileClient> {
  const handle = await open(join(folder, name), "w");
  await handle.truncate(4 * 1024 ** 3);
  await handle.close();
  return fileNamed(name);
}

describe("copies of files", () => {
  it("have the content, headers and metadata of the source, and name it", async () => {
    const data = randomBytes(1_000_000);
    const source = await fileWith("source", data);
    const started = await fileNamed("copy").startCopyFromURL(source.url);
    expect(started).toMatchObject({ copyStatus: "success" });
    expect((await fileNamed("copy").downloadToBuffer()).equals(data)).toBe(true);
    const properties = await fileNamed("copy").getProperties();
    expect(properties).toMatchObject({
      contentType: "a/b",
      metadata: { from: "source" },
      copyId: started.copyId,
      copyStatus: "success",
      copySource: source.url,
      copyProgress: "1000000/1000000",
    });
    expect(properties.copyCompletedOn?.getTime()).toBeGreaterThan(Date.now() - 60_000);
    expect(Buffer.from(properties.contentMD5 ?? []).toString("hex")).toBe(createHash("md5").update(data).digest("hex"));
  });

  it("take SMB properties from the source or from the request", async () => {
    const source = fileNamed("smb-source");
    const creationTime = new Date("2018-05-01T00:00:00.000Z");
    const lastWriteTime = new Date("2019-03-31T00:00:00.000Z");
    const fileAttributes = FileSystemAttributes.parse("Hidden");
    const filePermission = "O:SYG:SYD:(A;;FA;;;SY)";
    await source.create(3, { creationTime, lastWriteTime, fileAttributes, filePermission });
    await fileNamed("smb-copy").startCopyFromURL(source.url, {
      copyFileSmbInfo: {
        filePermissionCopyMode: "source",
        fileAttributes: "source",
        fileCreationTime: "source",
        fileLastWriteTime: "2020-01-01T00:00:00.0000000Z",
        setArchiveAttribute: true,
      },
    });
    expect(await fileNamed("smb-copy").getProperties()).toMatchObject({
      fileAttributes: "Hidden | Archive",
      fileCreatedOn: creationTime,
      fileLastWriteOn: new Date("2020-01-01T00:00:00.000Z"),
      filePermissionKey: (await source.getProperties()).filePermissionKey,
    });
  });

  it("replace an existing file, but a read-only one only on request", async () => {
    const source = await fileWith("replacing", "new");
    const existing = await fileWith("existing", "old");
    await existing.startCopyFromURL(source.url);
    expect(await readFile(join(folder, "existing"), "utf8")).toBe("new");
    await existing.setProperties({ fileAttributes: FileSystemAttributes.parse("ReadOnly") });
    expect(await refusal(existing.startCopyFromURL(source.url))).toMatchObject({ code: "ReadOnlyAttribute" });
    await existing.startCopyFromURL(source.url, { copyFileSmbInfo: { ignoreReadOnly: true } });
    await source.startCopyFromURL(source.url);
    expect(await readFile(join(folder, "replacing"), "utf8")).toBe("new");
  });

  it("can have snapshots and other shares as source, and keep holes", async () => {
    const source = fileNamed("sparse");
    await source.create(10_000_000);
    await source.uploadRange("x", 5_000_000, 1);
    const { snapshot = "" } = await share.createSnapshot();
    await source.delete();
    const other = fixture.client.getShareClient("others");
    await other.create();
    const copy = other.rootDirectoryClient.getFileClient("restored");
    await copy.startCopyFromURL(source.withShareSnapshot(snapshot).url);
    expect((await copy.getRangeList()).rangeList).toEqual([{ start: 4_999_680, end: 5_000_191 }]);
    expect((await copy.getProperties()).copySource).toContain(`sharesnapshot=${encodeURIComponent(snapshot)}`);
    const { blocks } = await stat(join(fixture.service.shareFolder(account.name, "others") ?? "", "restored"));
    expect(blocks * 512).toBeLessThan(1_000_000);
  });

  it("of large files continue in the background, reserve their name, and can be aborted", async () => {
    const source = await largeFile("large");
    const copy = fileNamed("large-copy");
    const { copyId = "", copyStatus } = await copy.startCopyFromURL(source.url);
    expect(copyStatus).toBe("pending");
    const pending = await copy.getProperties();
    expect(pending).toMatchObject({ copyStatus: "pending", copyId, contentLength: 0 });
    expect(pending.copyProgress).toMatch(/^\d+\/4294967296$/);
    for (const attempt of [
      () => copy.setMetadata({}),
      () => copy.resize(5),
      () => copy.create(5),
      () => copy.delete(),
      () => copy.rename("elsewhere"),
      () => copy.startCopyFromURL(source.url),
    ]) {
      expect(await refusal(attempt())).toMatchObject({ status: 409, code: "PendingCopyOperation" });
    }
    expect(await refusal(copy.abortCopyFromURL("another-id"))).toMatchObject({ status: 409, code: "CopyIdMismatch" });
    await copy.abortCopyFromURL(copyId);
    expect(await copy.getProperties()).toMatchObject({ copyStatus: "aborted", copyId, contentLength: 0 });
    expect(await refusal(copy.abortCopyFromURL(copyId))).toMatchObject({ code: "NoPendingCopyOperation" });
    await copy.delete();
    expect(await readdir(join(folder, ".."))).not.toContainEqual(expect.stringMatching(/^\.draft-/));
  });

  it("of large files are complete when their status says so", async () => {
    const data = randomBytes(20 * 1024 * 1024);
    await writeFile(join(folder, "twenty"), data);
    await fileNamed("twenty-copy").startCopyFromURL(fileNamed("twenty").url);
    const status = async () => (await fileNamed("twenty-copy").getProperties()).copyStatus;
    await expect.poll(status).toBe("success");
    expect((await readFile(join(folder, "twenty-copy"))).equals(data)).toBe(true);
  });

  it("of files that change in the meantime fail", async () => {
    const source = await largeFile("changing");
    await fileNamed("changing-copy").startCopyFromURL(source.url);
    await writeFile(join(folder, "changing"), "short");
    const properties = () => fileNamed("changing-copy").getProperties();
    await expect.poll(async () => (await properties()).copyStatus).toBe("failed");
    expect(await properties()).toMatchObject({ contentLength: 0, copyStatusDescription: expect.stringMatching(/\w/) });
  });

  it("fail without their source or directory, and change nothing", async () => {
    expect(await refusal(fileNamed("x/y").startCopyFromURL(fileNamed("absent").url))).toMatchObject({ status: 404 });
    expect(await refusal(fileNamed("copy-of-absent").startCopyFromURL(fileNamed("absent").url))).toMatchObject({
      status: 404,
      code: "ResourceNotFound",
    });
    expect(await fileNamed("copy-of-absent").exists()).toBe(false);
  });
});

describe("ranges from other files", () => {
  it("are written unchanged", async () => {
    const source = await fileWith("letters", "abcdefghij");
    const file = fileNamed("pasted");
    await file.create(10);
    const written = await file.uploadRangeFromURL(await sasOf(source), 2, 5, 3);
    const sum = Buffer.from(written._response.headers.get("x-ms-content-crc64") ?? "", "base64");
    expect(sum).toHaveLength(8);
    expect(await readFile(join(folder, "pasted"), "latin1")).toBe("\0\0\0\0\0cde\0\0");
    expect(await refusal(file.uploadRangeFromURL(source.url, 8, 0, 5))).toMatchObject({ status: 416 });
    expect(await refusal(file.uploadRangeFromURL(source.url, 0, 8, 5))).toMatchObject({ status: 416 });
    const sourceContentCrc64 = new Uint8Array(8);
    expect(await refusal(file.uploadRangeFromURL(source.url, 0, 0, 1, { sourceContentCrc64 }))).toMatchObject({
      code: "Crc64Mismatch",
    });
    const sourceConditions = { sourceIfNoneMatchCrc64: sum };
    expect(await refusal(file.uploadRangeFromURL(source.url, 2, 0, 3, { sourceConditions }))).toMatchObject({
      code: "ConditionNotMet",
    });
  });
});

async function sasOf(file: ShareFileClient, permissions = "r"): Promise<string> {
  const { FileSASPermissions: parser } = await import("@azure/storage-file-share");
  const granted: FileSASPermissions = parser.parse(permissions);
  const expiresOn = new Date(Date.now() + 60_000);
  const options = { shareName: share.name, filePath: file.path, permissions: granted, expiresOn };
  return `${file.url}?${generateFileSASQueryParameters(options, credential).toString()}`;
}

describe("the source of a copy", () => {
  const copy = (source: string, headers: Record<string, string> = {}) => {
    const path = `/${account.name}/copying/copied?${everything()}`;
    return rawRequest(fixture.service, "PUT", path, { "x-ms-copy-source": source, ...headers });
  };

  it("needs a signature that grants reading, or the key of the account", async () => {
    const source = await fileWith("guarded", "x");
    const refused = { "x-ms-error-code": "CannotVerifyCopySource" };
    expect((await copy(source.url)).headers).toMatchObject(refused);
    expect((await copy(await sasOf(source, "w"))).headers).toMatchObject({
      ...refused,
      "x-ms-copy-source-error-code": "AuthorizationPermissionMismatch",
      "x-ms-copy-source-status-code": "403",
    });
    expect((await copy(`${source.url}2?${new URL(await sasOf(source)).search.slice(1)}`)).headers).toMatchObject(
      refused,
    );
    expect((await copy(await sasOf(source))).status).toBe(202);
    expect((await copy(await sasOf(source), { "x-ms-meta-own": "yes" })).status).toBe(202);
    expect((await fileNamed("copied").getProperties()).metadata).toEqual({ own: "yes" });
    expect((await fileNamed("copied").getProperties()).copySource).toBe(source.url);
  });

  it("is never called if it is on another server", async () => {
    const { port } = new URL(fixture.service.endpoint);
    for (const source of [
      "http://169.254.169.254/latest/meta-data",
      `http://localhost:1/${account.name}/copying/guarded`,
      `http://user@127.0.0.1:${port}/${account.name}/copying/guarded`,
      `http://127.0.0.1:${port}@evil.example/${account.name}/copying/guarded`,
      `http://other.file.core.windows.net/copying/guarded`,
      "file:///etc/passwd",
      "//etc/passwd",
      "",
    ]) {
      const { status, headers } = await copy(source === "" ? source : `${source}?${everything()}`);
      expect([400, 403], source).toContain(status);
      expect(["CannotVerifyCopySource", "InvalidHeaderValue"], source).toContain(headers["x-ms-error-code"]);
    }
  });
});
