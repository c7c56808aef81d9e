import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ShareClient } from "@azure/storage-file-share";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { account, startFixture } from "./support.ts";
import type { Fixture } from "./support.ts";

let fixture: Fixture;
let share: ShareClient;
let folder: string;
beforeAll(async () => {
  fixture = await startFixture();
  share = fixture.client.getShareClient("many");
  await share.create();
  folder = fixture.service.shareFolder(account.name, "many") ?? "";
});
afterAll(() => fixture.close());

/** Names of all entries of a directory, page by page; `between` runs after each page. */
async function pagesOf(path: string, maxPageSize: number, between: (page: number) => Promise<void>): Promise<string[]> {
  const names: string[] = [];
  let page = 0;
  const options = { includeExtendedInfo: false };
  for await (const { segment } of share
    .getDirectoryClient(path)
    .listFilesAndDirectories(options)
    .byPage({ maxPageSize })) {
    names.push(...segment.fileItems.map(({ name }) => name));
    await between(++page);
  }
  return names;
}

describe("the cache of the names in a directory", () => {
  it("never hides a file that was created on the disk, in any spelling", async () => {
    await mkdir(join(folder, "busy"));
    for (let turn = 0; turn < 50; turn++) {
      // Asking for a name that is not there makes the endpoint look at all that are, and remember them.
      expect(await share.getDirectoryClient("busy").getFileClient(`by-hand-${turn}`).exists()).toBe(false);
      await share.getDirectoryClient("busy").getFileClient(`by-client-${turn}`).create(1);
      await writeFile(join(folder, "busy", `By-Hand-${turn}`), "x");
      const found = share.getDirectoryClient("busy").getFileClient(`by-hand-${turn}`);
      // Within one tick of the file system's clock two changes look like one; a second later they no longer do.
      await expect.poll(() => found.exists(), { interval: 50 }).toBe(true);
    }
  });

  it("follows renames and deletions on the disk and over HTTP", async () => {
    await mkdir(join(folder, "moved"));
    const at = (name: string) => share.getDirectoryClient("moved").getFileClient(name);
    await at("First").create(1);
    expect(await at("FIRST").exists()).toBe(true);
    await rename(join(folder, "moved", "First"), join(folder, "moved", "Second"));
    expect(await at("first").exists()).toBe(false);
    expect(await at("second").exists()).toBe(true);
    await at("SECOND").create(2);
    expect(await readdir(join(folder, "moved"))).toEqual(["Second"]);
    await at("second").delete();
    await at("sEcond").create(3);
    expect(await readdir(join(folder, "moved"))).toEqual(["sEcond"]);
    await rm(join(folder, "moved"), { recursive: true });
    await mkdir(join(folder, "moved"));
    expect(await at("second").exists()).toBe(false);
  });
});

describe("a listing in pages", () => {
  const numbers = Array.from({ length: 300 }, (_, index) => index);
  const nameOf = (index: number): string => `${String(index).padStart(4, "0")}.txt`;

  it("is complete and in order, even while there is another one", async () => {
    await mkdir(join(folder, "paged"));
    for (const index of numbers) await writeFile(join(folder, "paged", nameOf(index)), "");
    const all = numbers.map(nameOf);
    const nothing = async (): Promise<void> => {};
    expect(await Promise.all([7, 50, 300, 299].map((size) => pagesOf("paged", size, nothing)))).toEqual([
      all,
      all,
      all,
      all,
    ]);
    const names: string[] = [];
    for await (const { name } of share.getDirectoryClient("paged").listFilesAndDirectories({ prefix: "002" }))
      names.push(name);
    expect(names).toEqual(all.slice(20, 30));
  });

  it("shows changes on the disk", async () => {
    await mkdir(join(folder, "changing"));
    for (const index of numbers) await writeFile(join(folder, "changing", nameOf(index * 2)), "");
    const names = await pagesOf("changing", 100, async (page) => {
      if (page !== 1) return;
      await writeFile(join(folder, "changing", nameOf(301)), "");
      await rm(join(folder, "changing", nameOf(400)));
      await writeFile(join(folder, "changing", nameOf(1)), "");
    });
    const left = numbers.map((index) => index * 2).filter((index) => index !== 400);
    expect(names).toEqual([...left, 301].sort((a, b) => a - b).map(nameOf));
  });
});
