import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ShareClient } from "@azure/storage-file-share";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { refusal, startFixture } from "./support.ts";
import type { Fixture } from "./support.ts";

let fixture: Fixture;
let share: ShareClient;
let folder: string;
beforeAll(async () => {
  fixture = await startFixture();
  share = fixture.client.getShareClient("tree");
  await share.create();
  folder = fixture.service.shareFolder("testaccount", "tree") ?? "";
});
afterAll(() => fixture.close());

describe("directories through the official client", () => {
  it("are created, described and deleted", async () => {
    const directory = share.getDirectoryClient("models");
    const created = await directory.create({ metadata: { kind: "models" } });
    expect(created.etag).toMatch(/^"0x/);
    const properties = await directory.getProperties();
    expect(properties.metadata).toEqual({ kind: "models" });
    expect(properties.fileAttributes).toBe("Directory");
    expect(properties.fileCreatedOn?.getTime()).toBeGreaterThan(Date.now() - 60_000);
    await directory.delete();
    expect(await directory.exists()).toBe(false);
  });

  it("keep creation and last write times that the client sets", async () => {
    const directory = share.getDirectoryClient("dated");
    const creationTime = new Date("2018-05-01T01:02:03.000Z");
    const lastWriteTime = new Date("2019-03-31T04:05:06.000Z");
    await directory.create({ creationTime, lastWriteTime });
    expect(await directory.getProperties()).toMatchObject({
      fileCreatedOn: creationTime,
      fileLastWriteOn: lastWriteTime,
    });
    const later = new Date("2020-01-01T00:00:00.000Z");
    await directory.setProperties({ creationTime: later });
    expect((await directory.getProperties()).fileCreatedOn).toEqual(later);
  });

  it("change their metadata and their ETag with it", async () => {
    const directory = share.getDirectoryClient("labelled");
    const { etag } = await directory.create();
    await directory.setMetadata({ Label: "a b" });
    const properties = await directory.getProperties();
    expect(properties.metadata).toEqual({ label: "a b" });
    expect(properties.etag).not.toBe(etag);
  });

  it("require their parent and a free name", async () => {
    expect(await refusal(share.getDirectoryClient("no/parent").create())).toMatchObject({
      status: 404,
      code: "ParentNotFound",
    });
    await share.createDirectory("taken");
    expect(await refusal(share.createDirectory("taken"))).toMatchObject({ status: 409, code: "ResourceAlreadyExists" });
    await writeFile(join(folder, "a-file"), "");
    expect(await refusal(share.createDirectory("a-file"))).toMatchObject({ status: 409, code: "ResourceTypeMismatch" });
  });

  it("are not deleted unless they are empty, and the root is never deleted", async () => {
    await share.createDirectory("full");
    await writeFile(join(folder, "full", "by-a-job.txt"), "x");
    expect(await refusal(share.deleteDirectory("full"))).toMatchObject({ status: 409, code: "DirectoryNotEmpty" });
    expect((await refusal(share.rootDirectoryClient.delete())).status).toBe(400);
    expect(await share.exists()).toBe(true);
  });

  it("are found without regard to case", async () => {
    await share.createDirectory("CamelCase");
    await writeFile(join(folder, "CamelCase", "Readme.TXT"), "case");
    const file = share.getDirectoryClient("camelcase").getFileClient("README.txt");
    expect((await file.downloadToBuffer()).toString()).toBe("case");
    expect(await refusal(share.createDirectory("CAMELCASE"))).toMatchObject({ code: "ResourceAlreadyExists" });
    await file.uploadData(Buffer.from("same file"));
    expect(await listNames("CamelCase")).toEqual(["Readme.TXT"]);
  });
});

describe("names in a large directory", () => {
  const large = () => share.getDirectoryClient("large");
  const textOf = async (name: string) => (await large().getFileClient(name).downloadToBuffer()).toString();
  beforeAll(async () => {
    await mkdir(join(folder, "large"));
    for (let index = 0; index < 200; index++) await writeFile(join(folder, "large", `File-${index}`), String(index));
  });

  it("are found in any spelling after a job created them, and not after it deleted them", async () => {
    for (let index = 0; index < 200; index += 10) expect(await textOf(`FILE-${index}`)).toBe(String(index));
    for (let turn = 0; turn < 10; turn++) {
      expect(await large().getFileClient("BY-HAND").exists()).toBe(false);
      await writeFile(join(folder, "large", "by-hand"), "x");
      await expect.poll(() => large().getFileClient("BY-HAND").exists(), { interval: 5 }).toBe(true);
      expect(await textOf("BY-HAND")).toBe("x");
      await rm(join(folder, "large", "by-hand"));
    }
  });

  it("are found in any spelling while clients create, rename and delete files", async () => {
    for (let index = 0; index < 100; index++) {
      const file = large().getFileClient(`Made-${index}`);
      await file.create(0);
      if (index % 3 === 1) await file.delete();
      if (index % 3 === 2) await file.rename(`large/Renamed-${index}`);
    }
    await large().getFileClient("MADE-0").rename("large/made-0");
    await large().getFileClient("Made-3").rename("moved-3");
    expect(await share.rootDirectoryClient.getFileClient("MOVED-3").exists()).toBe(true);
    for (let index = 4; index < 100; index++) {
      expect(await large().getFileClient(`MADE-${index}`).exists(), String(index)).toBe(index % 3 === 0);
      expect(await large().getFileClient(`RENAMED-${index}`).exists(), String(index)).toBe(index % 3 === 2);
    }
    expect((await listNames("large", "made-0")).concat(await listNames("large", "made-3"))).toEqual(
      expect.arrayContaining(["made-0"]),
    );
    await large().getFileClient("MADE-6").create(0);
    expect(await listNames("large", "made-6")).toEqual(["Made-6", "Made-60", "Made-63", "Made-66", "Made-69"]);
  });
});

describe("the list of a directory", () => {
  const files = ["a.txt", "B.txt", "c d & e.txt", "ünïcode.txt", "Zed"];
  beforeAll(async () => {
    await mkdir(join(folder, "listed", "Sub"), { recursive: true });
    for (const name of files) await writeFile(join(folder, "listed", name), name);
  });

  it("has all entries, sorted ignoring case, with sizes", async () => {
    const entries = [];
    for await (const entry of share.getDirectoryClient("listed").listFilesAndDirectories()) entries.push(entry);
    expect(entries.filter((entry) => entry.kind === "file").map((entry) => entry.name)).toEqual([
      "a.txt",
      "B.txt",
      "c d & e.txt",
      "Zed",
      "ünïcode.txt",
    ]);
    expect(entries.filter((entry) => entry.kind === "directory").map((entry) => entry.name)).toEqual(["Sub"]);
    const unicode = entries.find((entry) => entry.name === "ünïcode.txt");
    expect(unicode?.kind === "file" && unicode.properties.contentLength).toBe(Buffer.byteLength("ünïcode.txt"));
  });

  it("adds times, ETag and attributes on demand, the same as those of the file", async () => {
    const directory = share.getDirectoryClient("listed");
    const options = { prefix: "a", includeTimestamps: true, includeEtag: true, includeAttributes: true };
    const page = (await directory.listFilesAndDirectories(options).byPage().next()).value;
    const [entry] = page.segment.fileItems;
    const properties = await directory.getFileClient("a.txt").getProperties();
    expect(entry.properties.etag).toBe(properties.etag);
    expect(entry.properties.lastWriteTime).toEqual(properties.fileLastWriteOn);
    expect(entry.properties.creationTime).toEqual(properties.fileCreatedOn);
    expect(entry.attributes).toBe("Archive");
  });

  it.each([1, 2, 5, 6, 7])("is complete and without repetition in pages of %i", async (maxPageSize) => {
    const names: string[] = [];
    let pages = 0;
    for await (const page of share.getDirectoryClient("listed").listFilesAndDirectories().byPage({ maxPageSize })) {
      names.push(...[...page.segment.fileItems, ...page.segment.directoryItems].map((item) => item.name));
      pages++;
    }
    expect(names.sort()).toEqual([...files, "Sub"].sort());
    expect(pages).toBe(Math.ceil(6 / maxPageSize));
  });

  it("filters by prefix, ignoring case", async () => {
    expect(await listNames("listed", "b")).toEqual(["B.txt"]);
  });

  it("continues at the same place if entries are added or removed between two pages", async () => {
    await mkdir(join(folder, "moving"));
    for (const name of ["b", "d", "f", "h"]) await writeFile(join(folder, "moving", name), "");
    const pages = share.getDirectoryClient("moving").listFilesAndDirectories().byPage({ maxPageSize: 2 });
    const first = (await pages.next()).value.segment.fileItems;
    for (const name of ["a", "c", "g"]) await writeFile(join(folder, "moving", name), "");
    await share.getDirectoryClient("moving").deleteFile("d");
    const second = (await pages.next()).value.segment.fileItems;
    const third = (await pages.next()).value.segment.fileItems;
    const names = [...first, ...second, ...third].map((item: { name: string }) => item.name);
    expect(names).toEqual(["b", "d", "f", "g", "h"]);
  });

  it("can have names that XML cannot represent", async () => {
    await mkdir(join(folder, "odd"));
    const names = ["bell\u0007", "line\nbreak", "less<than", "tab\tbed", "  spaces  ", "percent%41"];
    for (const name of names) await writeFile(join(folder, "odd", name), "");
    expect((await listNames("odd")).sort()).toEqual(names.sort());
  });

  it("takes 10,000 entries in bounded time", async () => {
    await mkdir(join(folder, "many"));
    const names = Array.from({ length: 10_000 }, (_, index) => `f${index}`);
    for (const name of names) await writeFile(join(folder, "many", name), "");
    // Processor time, which does not depend on other work on the machine.
    const before = process.cpuUsage();
    expect((await listNames("many")).length).toBe(10_000);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(3_000);
  });

  it("is 404 for anything but a directory", async () => {
    expect(await refusal(listNames("listed/a.txt"))).toMatchObject({ status: 404 });
    expect(await refusal(listNames("absent"))).toMatchObject({ status: 404, code: "ResourceNotFound" });
  });
});

async function listNames(path: string, prefix?: string): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of share.getDirectoryClient(path).listFilesAndDirectories({ prefix })) names.push(entry.name);
  return names;
}
