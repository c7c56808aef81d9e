import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, readdir, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ShareServiceClient } from "@azure/storage-file-share";
import type { ShareClient } from "@azure/storage-file-share";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { everything } from "./signedRequest.ts";
import { account, credential } from "./support.ts";

const program = `
  import { FilesService } from ${JSON.stringify(join(import.meta.dirname, "../../src/files/index.ts"))};
  const [dataDir, name, key] = process.argv.slice(1);
  const service = await FilesService.start({ dataDir, accounts: [{ name, key }] });
  console.log(service.fileEndpoint(name));
`;
const count = 100;
const oldContent = Buffer.alloc(300_000, "old ");
const newContent = randomBytes(300_000);

let dataDir: string;
let service: ChildProcess;
let endpoint: string;
let share: ShareClient;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "batchai-files-"));
  await start();
  await share.create();
});
afterEach(async () => {
  await kill();
  await rm(dataDir, { recursive: true });
});

async function start(): Promise<void> {
  const args = ["--input-type=module", "--eval", program, dataDir, account.name, account.key];
  service = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const { stdout } = service;
  if (stdout === null) throw new Error("The service has no output to read.");
  endpoint = await new Promise((resolve, reject) => {
    createInterface(stdout).once("line", resolve);
    service.once("exit", (code) => reject(new Error(`The service ended with exit code ${code}.`)));
  });
  const client = new ShareServiceClient(endpoint, credential, { retryOptions: { maxTries: 1 } });
  share = client.getShareClient("killed");
}

async function kill(): Promise<void> {
  if (service.exitCode !== null || service.signalCode !== null) return;
  const ended = new Promise((resolve) => service.once("exit", resolve));
  service.kill("SIGKILL");
  await ended;
}

/**
 * Kills the service as soon as `limit` pieces of work are acknowledged. So many are on their way at once that a service
 * that is quicker than this process cannot have done them all.
 */
async function doUntilKilled(limit: number, work: readonly (() => Promise<unknown>)[]): Promise<boolean[]> {
  let acknowledged = 0;
  let killing: Promise<void> | undefined;
  const done = work.map(() => false);
  const left = work.entries();
  const doNext = async (): Promise<void> => {
    for (const [index, piece] of left) {
      if (killing) return;
      await piece().then(
        () => (done[index] = true),
        () => undefined,
      );
      if (done[index] && ++acknowledged === limit) killing = kill();
    }
  };
  await Promise.all(Array.from({ length: work.length - limit }, doNext));
  await killing;
  return done;
}

function fileNamed(name: string) {
  return share.rootDirectoryClient.getFileClient(name);
}

/** Creates or replaces a file, with the content in the same request. */
async function putWhole(name: string, content: Buffer): Promise<void> {
  const answer = await fetch(`${endpoint}/killed/${name}?${everything()}`, {
    method: "PUT",
    headers: { "x-ms-content-length": String(content.length), "x-ms-type": "file", "x-ms-meta-whole": "yes" },
    body: new Uint8Array(content),
  });
  if (answer.status !== 201) throw new Error(`Status ${answer.status}`);
}

describe.each([5, 40, 80])("a service that is killed after %i of 100 responses", (limit) => {
  it("keeps every acknowledged file, and corrupts none", async () => {
    const numbers = Array.from({ length: count }, (_, index) => index);
    await Promise.all(numbers.filter((index) => index % 4 > 1).map((index) => putWhole(`file-${index}`, oldContent)));
    const kept = await doUntilKilled(
      limit,
      numbers.map((index) => {
        const name = `file-${index}`;
        if (index % 4 === 0) return () => fileNamed(name).uploadData(newContent, { metadata: { index: `${index}` } });
        if (index % 4 < 3) return () => putWhole(name, newContent);
        return () => fileNamed(name).rename(`renamed-${index}`, { metadata: { index: `${index}` } });
      }),
    );
    expect(kept.filter(Boolean).length).toBeGreaterThanOrEqual(limit);
    expect(kept.filter(Boolean).length).toBeLessThan(count);
    await start();
    const folder = join(dataDir, account.name, "killed");
    const names = new Set(await readdir(folder));
    for (const index of numbers) {
      const [name, renamed] = [`file-${index}`, `renamed-${index}`];
      if (index % 4 === 0 && kept[index] === true) {
        expect((await readFile(join(folder, name))).equals(newContent), name).toBe(true);
        expect((await fileNamed(name).getProperties()).metadata).toEqual({ index: `${index}` });
      } else if (index % 4 === 1 && (kept[index] === true || names.has(name))) {
        expect((await readFile(join(folder, name))).equals(newContent), name).toBe(true);
        expect((await fileNamed(name).getProperties()).metadata).toEqual({ whole: "yes" });
      } else if (index % 4 === 2) {
        const content = await readFile(join(folder, name));
        expect(content.equals(newContent) || (kept[index] !== true && content.equals(oldContent)), name).toBe(true);
      } else if (index % 4 === 3) {
        expect([names.has(name), names.has(renamed)].filter(Boolean), name).toHaveLength(1);
        if (kept[index] === true) expect(names).toContain(renamed);
        const found = names.has(renamed) ? renamed : name;
        expect((await readFile(join(folder, found))).equals(oldContent), found).toBe(true);
        const metadata = kept[index] === true ? { index: `${index}` } : expect.anything();
        expect((await fileNamed(found).getProperties()).metadata).toEqual(metadata);
      }
    }
    const listed = [];
    for await (const { name } of share.rootDirectoryClient.listFilesAndDirectories()) listed.push(name);
    expect(listed.sort()).toEqual([...names].sort());
    const drafts = async () => (await readdir(join(folder, ".."))).filter((name) => name.startsWith("."));
    await expect.poll(drafts).toEqual([]);
  });
});

describe("a service that is killed while it copies a large file", () => {
  it("reports that the copy failed, and leaves no part of it", async () => {
    const source = fileNamed("source");
    await source.create(4 * 1024 ** 3);
    await source.uploadRange("x", 0, 1);
    // All bytes of a file that another program changed count as written, so copying takes a while.
    await utimes(join(dataDir, account.name, "killed", "source"), new Date(), new Date());
    const { copyStatus } = await fileNamed("copy").startCopyFromURL(source.url);
    expect(copyStatus).toBe("pending");
    await kill();
    await start();
    expect(await fileNamed("copy").getProperties()).toMatchObject({ copyStatus: "failed", contentLength: 0 });
    await fileNamed("copy").uploadData(Buffer.from("free again"));
    expect((await fileNamed("copy").getProperties()).copyStatus).toBeUndefined();
  });
});
