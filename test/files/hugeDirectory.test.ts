import { linkSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { account, startFixture } from "./support.ts";

/** More names than a listing contains. */
const size = 230_000;
const pageSize = 1000;

it("a directory with more names than are kept is listed by pages that read it seldom", async () => {
  const fixture = await startFixture();
  const folder = join(fixture.dataDir, account.name, "huge");
  mkdirSync(folder);
  const names = Array.from({ length: size }, (_, index) => `Epoch-${String(index).padStart(7, "0")}`);
  for (let index = 0; index < size; index++) {
    // In no order, and links, because they need no inodes. A file has up to 65,000.
    const path = join(folder, names[(index * 7919) % size] ?? "");
    const original = Math.floor(index / 50_000);
    if (index % 50_000 === 0) writeFileSync(join(fixture.dataDir, `original-${original}`), "");
    linkSync(join(fixture.dataDir, `original-${original}`), path);
  }
  const found: string[] = [];
  const start = process.cpuUsage();
  for (let after: string | undefined; ;) {
    const page =
      (await fixture.service.list(account.name, "huge", "", {
        limit: pageSize,
        ...(after === undefined ? {} : { after }),
      })) ?? [];
    found.push(...page.map(({ name }) => name));
    if (page.length < pageSize) break;
    after = found.at(-1);
  }
  const { user, system } = process.cpuUsage(start);
  expect(found).toEqual(names);
  // Reading all names for each page takes minutes.
  expect((user + system) / 1e6).toBeLessThan(40);
  const share = fixture.client.getShareClient("huge");
  const some: string[] = [];
  for await (const { name } of share.rootDirectoryClient.listFilesAndDirectories({ prefix: "epoch-02299" }))
    some.push(name);
  expect(some).toEqual(names.slice(229_900));
  await fixture.close();
});
