import { readFile, stat, writeFile, chmod } from "node:fs/promises";
import { join } from "node:path";
import { FileSystemAttributes } from "@azure/storage-file-share";
import type { ShareClient } from "@azure/storage-file-share";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { account, refusal, startFixture } from "./support.ts";
import type { Fixture } from "./support.ts";

const permission = "O:SYG:SYD:(A;;FA;;;BA)(A;;FA;;;SY)";

let fixture: Fixture;
let share: ShareClient;
let folder: string;
beforeAll(async () => {
  fixture = await startFixture();
  share = fixture.client.getShareClient("smb");
  await share.create();
  folder = fixture.service.shareFolder(account.name, "smb") ?? "";
});
afterAll(() => fixture.close());

describe("permissions", () => {
  it("are stored for files and directories, as text or by key", async () => {
    const { filePermissionKey = "" } = await share.createPermission(permission);
    const file = share.rootDirectoryClient.getFileClient("guarded");
    expect((await file.create(1, { filePermission: permission })).filePermissionKey).toBe(filePermissionKey);
    const directory = share.getDirectoryClient("guarded-directory");
    await directory.create({ filePermissionKey });
    expect((await directory.getProperties()).filePermissionKey).toBe(filePermissionKey);
    await file.setProperties({ filePermission: "inherit" });
    const { filePermissionKey: kept = "" } = await file.getProperties();
    expect(await share.getPermission(kept)).toMatchObject({ permission });
    await directory.setProperties({ filePermission: "O:BAG:BA" });
    const { filePermissionKey: changed = "" } = await directory.getProperties();
    expect(await share.getPermission(changed)).toMatchObject({ permission: "O:BAG:BA" });
    const options = { includeExtendedInfo: true, includePermissionKey: true, includeAttributes: true };
    const listed = [];
    for await (const entry of share.rootDirectoryClient.listFilesAndDirectories(options)) listed.push(entry);
    expect(listed.map(({ name, permissionKey }) => ({ name, permissionKey }))).toEqual(
      expect.arrayContaining([
        { name: "guarded", permissionKey: filePermissionKey },
        { name: "guarded-directory", permissionKey: changed },
      ]),
    );
    expect(listed.every(({ fileId }) => /^\d+$/.test(fileId ?? ""))).toBe(true);
  });

  it("are rejected if they are not valid", async () => {
    const file = share.rootDirectoryClient.getFileClient("refused");
    for (const options of [
      { filePermission: "rwxr-xr-x" },
      { filePermissionKey: "1*2" },
      { filePermission: permission, filePermissionFormat: "Binary" as const },
      { filePermission: `O:SYD:${"(A;;FA;;;SY)".repeat(1000)}` },
    ]) {
      expect((await refusal(file.create(1, options))).status).toBe(400);
    }
    expect(await file.exists()).toBe(false);
  });
});

describe("times and attributes", () => {
  it("are those that a client set, including the change time, until something changes", async () => {
    const file = share.rootDirectoryClient.getFileClient("timed");
    const times = {
      creationTime: new Date("2018-05-01T01:02:03.004Z"),
      lastWriteTime: new Date("2019-05-01T01:02:03.004Z"),
      changeTime: new Date("2020-05-01T01:02:03.004Z"),
    };
    const expected = {
      fileCreatedOn: times.creationTime,
      fileLastWriteOn: times.lastWriteTime,
      fileChangeOn: times.changeTime,
    };
    await file.create(3, times);
    expect(await file.getProperties()).toMatchObject(expected);
    const page = await share.rootDirectoryClient
      .listFilesAndDirectories({ prefix: "timed", includeTimestamps: true })
      .byPage()
      .next();
    expect(page.value.segment.fileItems[0].properties.changeTime).toEqual(times.changeTime);
    await file.setMetadata({ a: "b" });
    expect((await file.getProperties()).fileChangeOn?.getTime()).toBeGreaterThan(Date.now() - 60_000);
    await file.setProperties(times);
    expect(await file.getProperties()).toMatchObject(expected);
    const directory = share.getDirectoryClient("timed-directory");
    await directory.create(times);
    expect(await directory.getProperties()).toMatchObject(expected);
  });

  it("are kept when the file is created again only if the client requests it", async () => {
    const file = share.rootDirectoryClient.getFileClient("anew");
    const fileAttributes = FileSystemAttributes.parse("Hidden|System");
    const creationTime = new Date("2018-05-01T00:00:00.000Z");
    await file.create(3, { fileAttributes, creationTime });
    expect((await file.getProperties()).fileAttributes).toBe("Hidden | System");
    await file.create(3);
    const properties = await file.getProperties();
    expect(properties.fileAttributes).toBe("Archive");
    expect(properties.fileCreatedOn?.getTime()).toBeGreaterThan(Date.now() - 60_000);
  });

  it("leave unchanged what jobs rely on: modification time and mode", async () => {
    const path = join(folder, "run.sh");
    await writeFile(path, "#!/bin/sh\n");
    await chmod(path, 0o755);
    const before = await stat(path, { bigint: true });
    const file = share.rootDirectoryClient.getFileClient("run.sh");
    await file.setMetadata({ a: "b" });
    expect((await stat(path, { bigint: true })).mtimeNs).toBe(before.mtimeNs);
    await file.uploadData(Buffer.from("#!/bin/sh\nexit 0\n"));
    expect((await stat(path)).mode & 0o777).toBe(0o755);
    expect(await readFile(path, "utf8")).toBe("#!/bin/sh\nexit 0\n");
  });

  it("let jobs start a script by its path, also one that an earlier version stored", async () => {
    const modeOf = async (name: string) => (await stat(join(folder, name))).mode & 0o777;
    const expected = 0o777 & ~process.umask();
    await share.rootDirectoryClient.getFileClient("new.sh").uploadData(Buffer.from("#!/bin/sh\n"));
    expect(await modeOf("new.sh")).toBe(expected);
    await share.rootDirectoryClient.getFileClient("empty").create(0);
    expect(await modeOf("empty")).toBe(expected);
    await writeFile(join(folder, "old.sh"), "");
    await chmod(join(folder, "old.sh"), 0o640);
    await share.rootDirectoryClient.getFileClient("old.sh").uploadData(Buffer.from("#!/bin/sh\n"));
    expect(await modeOf("old.sh")).toBe(0o750);
  });
});

describe("handles", () => {
  it("do not exist for files, directories and the root", async () => {
    const file = share.rootDirectoryClient.getFileClient("handled");
    await file.create(0);
    const directory = share.getDirectoryClient("handled-directory");
    await directory.create();
    for (const client of [file, directory, share.rootDirectoryClient]) {
      const handles = [];
      for await (const handle of client.listHandles()) handles.push(handle);
      expect(handles).toEqual([]);
      expect(await client.forceCloseAllHandles()).toEqual({ closedHandlesCount: 0, closeFailureCount: 0 });
      expect(await client.forceCloseHandle("17")).toMatchObject({ closedHandlesCount: 0 });
    }
    const absent = share.rootDirectoryClient.getFileClient("absent");
    expect(await refusal(absent.forceCloseAllHandles())).toMatchObject({ status: 404, code: "ResourceNotFound" });
  });
});

describe("a reader of a file that is replaced", () => {
  it("gets the old content or the new content, never a mixture", async () => {
    const file = share.rootDirectoryClient.getFileClient("atomic");
    const contents = ["a", "b"].map((letter) => Buffer.alloc(200_000, letter));
    const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = contents;
    await file.uploadData(first);
    const source = share.rootDirectoryClient.getFileClient("atomic-source");
    await source.uploadData(second);
    const copying = { isDone: false };
    const seen = new Set<string>();
    const reading = (async () => {
      while (!copying.isDone) {
        const text = await readFile(join(folder, "atomic"));
        seen.add(contents.some((content) => content.equals(text)) ? "whole" : `torn: ${text.length}`);
      }
    })();
    for (let turn = 0; turn < 30; turn++) await file.startCopyFromURL(source.url);
    copying.isDone = true;
    await reading;
    expect([...seen]).toEqual(["whole"]);
  });
});
