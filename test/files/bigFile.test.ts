import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ShareServiceClient } from "@azure/storage-file-share";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { account, credential } from "./support.ts";

const mebibyte = 1024 * 1024;
const size = 256 * mebibyte;
const program = `
  import { FilesService } from ${JSON.stringify(join(import.meta.dirname, "../../src/files/index.ts"))};
  const [dataDir, name, key] = process.argv.slice(1);
  const service = await FilesService.start({ dataDir, accounts: [{ name, key }] });
  console.log(service.fileEndpoint(name));
  process.on("SIGTERM", async () => { await service.close(); process.exit(0); });
`;

describe("a file of 256 MiB", () => {
  let dataDir: string;
  let child: ChildProcess;
  let client: ShareServiceClient;
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "batchai-files-"));
    const args = ["--input-type=module", "--eval", program, dataDir, account.name, account.key];
    child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const endpoint = await firstLine(child);
    client = new ShareServiceClient(endpoint, credential);
  });
  afterAll(async () => {
    const exited = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    expect(await exited).toBe(0);
    await rm(dataDir, { recursive: true });
  });

  it("goes up and down while the service stays small", async () => {
    const share = client.getShareClient("large");
    await share.create();
    const file = share.rootDirectoryClient.getFileClient("large.bin");
    const block = randomBytes(4 * mebibyte);
    const expected = createHash("sha256");
    for (let offset = 0; offset < size; offset += block.length) expected.update(block);
    await file.create(size);
    const before = await residentMemory(child);
    let peak = before;
    const watch = setInterval(async () => (peak = Math.max(peak, await residentMemory(child))), 25);
    for (let offset = 0; offset < size; offset += block.length) await file.uploadRange(block, offset, block.length);
    const received = createHash("sha256");
    const { readableStreamBody } = await file.download();
    for await (const chunk of readableStreamBody ?? []) received.update(chunk);
    clearInterval(watch);
    expect(received.digest("hex")).toBe(expected.digest("hex"));
    expect(peak).toBeLessThan(150 * mebibyte);
    expect(peak - before).toBeLessThan(64 * mebibyte);
  }, 60_000);
});

function firstLine(process: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    if (process.stdout === null) throw new Error("The service has no output to read.");
    createInterface(process.stdout).once("line", resolve);
    process.once("exit", (code) => reject(new Error(`The service ended with exit code ${code}.`)));
  });
}

async function residentMemory({ pid }: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}
