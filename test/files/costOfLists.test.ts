import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, it } from "vitest";
import { everything } from "./signedRequest.ts";
import { account, rawRequest, startFixture } from "./support.ts";
import type { Fixture } from "./support.ts";

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.close());

const rounds = 40;

/** Returns the processor time of a list in microseconds. It includes that of the client. */
async function costOf(path: string): Promise<number> {
  const get = async (): Promise<void> => {
    const { status, body } = await rawRequest(fixture.service, "GET", `/${account.name}${path}&${everything()}`);
    expect([status, body.includes("NextMarker")], body.slice(0, 500)).toEqual([200, true]);
  };
  for (let round = 0; round < rounds; round++) await get();
  const start = process.cpuUsage();
  for (let round = 0; round < rounds; round++) await get();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / rounds;
}

it("a page of the ranges of a file costs the same however many ranges there are", async () => {
  const share = fixture.client.getShareClient("ranges");
  await share.create();
  for (const [name, count] of [
    ["few", 20],
    ["many", 50_000],
  ] as const) {
    const file = share.rootDirectoryClient.getFileClient(name);
    await file.create(1024 * (count + 1));
    await file.uploadRange("x", 0, 1);
    const database = new DatabaseSync(join(fixture.dataDir, "ranges.db"));
    database.exec(`
      INSERT INTO ranges WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count})
      SELECT (SELECT key FROM files WHERE key NOT IN (SELECT key FROM ranges GROUP BY key HAVING count(*) > 1)),
             n * 1024, n * 1024 + 511 FROM numbers`);
    database.close();
    expect((await file.getRangeList({})).rangeList).toHaveLength(count + 1);
  }
  const few = await costOf("/ranges/few?comp=rangelist&maxresults=5&marker=5120");
  const many = await costOf("/ranges/many?comp=rangelist&maxresults=5&marker=512000");
  expect(many).toBeLessThan(3 * few);
});

it("a page of the shares reads only the shares that it shows", async () => {
  const folder = join(fixture.dataDir, account.name);
  for (let index = 0; index < 5000; index++) await mkdir(join(folder, `many-${String(index).padStart(4, "0")}`));
  const names = await costOf("/?comp=list&maxresults=5&prefix=many&marker=");
  const withSnapshots = await costOf("/?comp=list&maxresults=5&prefix=many&include=snapshots,deleted,metadata&marker=");
  expect(withSnapshots).toBeLessThan(2 * names);
});
