import { execFile } from "node:child_process";
import { mkdir, readFile, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { FilesService } from "../../src/files/filesService.ts";
import { BatchAIService } from "../../src/service/index.ts";
import { withFolder } from "../service/serviceProcess.ts";
import { asideIn, filledShare, listed } from "./deletedShares.ts";
import { needsDisks, withForgetfulDisk } from "./disks.ts";
import { FilesProcess } from "./filesProcess.ts";
import { account, clientOf, startFixture } from "./support.ts";

const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;

/** Runs `batchai files` on a folder that it should reject. */
function refused(dataDir: string): Promise<{ exitCode: unknown; stdout: string; stderr: string }> {
  const args = [main, "files", "--data-dir", dataDir, "--port", "0"];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ exitCode: error ? error.code : 0, stdout, stderr });
    });
  });
}

function start(dataDir: string): Promise<FilesService> {
  return FilesService.start({ dataDir, accounts: [account] });
}

describe("the data folder", () => {
  it("belongs to one endpoint at a time: a second one reports that and exits", async () => {
    await withFolder(async (folder) => {
      const first = await FilesProcess.start(folder);
      const accounts = await readFile(join(folder, "accounts.json"), "utf8");
      const { exitCode, stdout, stderr } = await refused(folder);
      expect([exitCode, stdout]).toEqual([1, ""]);
      expect(stderr).toBe(
        `batchai: Another batchai service is using the data folder ${folder}. Stop it, or choose another folder.\n`,
      );
      expect(await readFile(join(folder, "accounts.json"), "utf8")).toBe(accounts);
      await first.client().createShare("unharmed");
      expect(await first.stop()).toBe(0);
      await (await start(folder)).close();
    });
  });

  it("is free again after a crash", async () => {
    await withFolder(async (folder) => {
      const first = await FilesProcess.start(folder);
      await first.kill();
      expect(await readdir(folder)).toContain("endpoint.lock");
      const second = await FilesProcess.start(folder);
      expect(second.account).toEqual({
        ...first.account,
        fileEndpoint: expect.any(String) as string,
        connectionString: expect.any(String) as string,
      });
      expect(await second.stop()).toBe(0);
    });
  });

  it("belongs to one endpoint even within a process, and is free after a failed start", async () => {
    await withFolder(async (folder) => {
      const first = await start(folder);
      await expect(start(folder)).rejects.toThrow(`is using the data folder ${folder}.`);
      const { port } = new URL(first.endpoint);
      const other = join(folder, "other");
      const taken = FilesService.start({ dataDir: other, accounts: [account], port: Number(port) });
      await expect(taken).rejects.toThrow(`Cannot listen on 127.0.0.1, port ${port}: another process uses it.`);
      await (await start(other)).close();
      await first.close();
    });
  });

  it("is also taken by the endpoint of a running service", async () => {
    await withFolder(async (folder) => {
      const service = await BatchAIService.start({ dataDir: folder });
      await expect(start(join(folder, "files"))).rejects.toThrow(/Another batchai service is using/);
      await service.close();
      await (await start(join(folder, "files"))).close();
      await (await BatchAIService.start({ dataDir: folder })).close();
    });
  });

  it("of a newer version is left unchanged", async () => {
    await withFolder(async (folder) => {
      await (await start(folder)).close();
      const path = join(folder, "properties.db");
      const database = new DatabaseSync(path);
      database.exec("PRAGMA user_version = 999");
      database.close();
      const { exitCode, stderr } = await refused(folder);
      expect(exitCode).toBe(1);
      expect(stderr).toBe(
        `batchai: ${path} was written by a newer version of batchai (schema 999, this version knows 2). ` +
          "Use that version, or another data folder.\n",
      );
    });
  });

  it.each([
    ["properties.db", "is damaged. Restore it from a backup, or move it away. Without it"],
    ["endpoint.lock", "cannot be used: file is not a database"],
  ])("with a damaged %s is left unchanged", async (name, message) => {
    await withFolder(async (folder) => {
      await (await start(folder)).close();
      const garbage = Buffer.alloc(20_000, "garbage ");
      await writeFile(join(folder, name), garbage);
      const { exitCode, stderr } = await refused(folder);
      expect(exitCode).toBe(1);
      expect(stderr).toContain(message);
      expect(stderr).toContain(join(folder, name));
      expect(stderr.trim().split("\n")).toHaveLength(1);
      expect(await readFile(join(folder, name))).toEqual(garbage);
    });
  });

  it("is rejected with the path of a folder that is in the place of a file", async () => {
    await withFolder(async (folder) => {
      await mkdir(join(folder, "properties.db"));
      const { exitCode, stderr } = await refused(folder);
      expect(exitCode).toBe(1);
      expect(stderr).toContain(`batchai: ${join(folder, "properties.db")} cannot be used:`);
    });
  });
});

describe("a file system", () => {
  it("without creation times is reported in the log", async (context) => {
    await needsDisks(context);
    await withForgetfulDisk(async (dataDir) => {
      const logged: string[] = [];
      const log = (message: string): void => void logged.push(message);
      await (await FilesService.start({ dataDir, accounts: [account], log })).close();
      expect(logged).toEqual([expect.stringContaining("does not record creation times")]);
    });
    const fixture = await startFixture();
    expect(fixture.logged).toEqual([]);
    await fixture.close();
  });

  it("may have a symbolic link to the folder of an account", async () => {
    await withFolder(async (folder) => {
      await mkdir(join(folder, "elsewhere"));
      await mkdir(join(folder, "data"));
      await symlink(join(folder, "elsewhere"), join(folder, "data", account.name));
      const service = await start(join(folder, "data"));
      const share = await filledShare({ client: clientOf(service) }, "linked");
      await share.createSnapshot();
      const file = share.rootDirectoryClient.getFileClient("file.txt");
      expect((await file.downloadToBuffer()).toString()).toBe("linked");
      expect(await readFile(join(folder, "elsewhere", "linked", "file.txt"), "utf8")).toBe("linked");
      await service.close();
    });
  });
});

describe("a database that is damaged while the endpoint runs", () => {
  /** Overwrites all pages of a database but the first ones. */
  async function damage(dataDir: string, name: string, spared: number): Promise<void> {
    const path = join(dataDir, name);
    const content = await readFile(path);
    expect(content.length).toBeGreaterThan((spared + 1) * 4096);
    content.fill(0xff, spared * 4096);
    await writeFile(path, content);
  }

  it("loses at most the knowledge of holes", async () => {
    const fixture = await startFixture();
    const share = fixture.client.getShareClient("holes");
    await share.create();
    for (let index = 0; index < 200; index++) {
      await share.rootDirectoryClient.getFileClient(`file-${index}`).create(100_000);
    }
    await fixture.service.close();
    await damage(fixture.dataDir, "ranges.db", 1);
    const service = await start(fixture.dataDir);
    const root = clientOf(service).getShareClient("holes").rootDirectoryClient;
    const file = root.getFileClient("file-7");
    // Bytes that are not known to be a hole count as written.
    expect((await file.getRangeList()).rangeList).toEqual([{ start: 0, end: 99_999 }]);
    await file.uploadRange("x", 0, 1);
    expect((await file.downloadToBuffer(0, 2)).toString()).toBe("x\0");
    await root.getFileClient("new").create(100_000);
    expect((await root.getFileClient("new").getRangeList()).rangeList).toEqual([]);
    await service.close();
    await fixture.close();
  });

  it("is named in the log, but not in responses", async () => {
    const fixture = await startFixture();
    const share = fixture.client.getShareClient("hurt");
    await share.create();
    for (let index = 0; index < 200; index++) {
      await share.rootDirectoryClient
        .getFileClient(`file-${index}`)
        .create(1, { metadata: { index: "x".repeat(2000) } });
    }
    await fixture.service.close();
    await damage(fixture.dataDir, "properties.db", 25);
    const logged: string[] = [];
    const service = await FilesService.start({
      dataDir: fixture.dataDir,
      accounts: [account],
      log: (message, details) => logged.push(`${message} ${JSON.stringify(details)}`),
    });
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const target = { accountName: account.name, shareName: "hurt", path: `file-${index}` };
        const answer = await fetch(service.sasUrl(target, new Date(Date.now() + 60_000)));
        return { status: answer.status, body: await answer.text() };
      }),
    );
    expect(answers.map(({ status }) => status)).toContain(500);
    expect(logged.join("\n")).toContain(`${join(fixture.dataDir, "properties.db")} is damaged.`);
    expect(answers.map(({ body }) => body).join("")).not.toContain(fixture.dataDir);
    await service.close();
    await fixture.close();
  });

  it("does not lose snapshots and deleted shares when it is moved away", async () => {
    const fixture = await startFixture();
    const share = await filledShare(fixture, "precious");
    await share.createSnapshot();
    const before = await asideIn(fixture.dataDir);
    expect(before).toHaveLength(1);
    await fixture.service.close();
    const database = join(fixture.dataDir, "properties.db");
    await rename(database, `${database}.away`);
    for (const suffix of ["-wal", "-shm"]) await rm(`${database}${suffix}`, { force: true });
    for (let round = 0; round < 2; round++) {
      const service = await start(fixture.dataDir);
      const client = clientOf(service);
      const file = client.getShareClient("precious").rootDirectoryClient.getFileClient("file.txt");
      expect((await file.downloadToBuffer()).toString()).toBe("precious");
      expect(await listed({ client }, { includeSnapshots: true, includeDeleted: true })).toHaveLength(1);
      await service.close();
      expect(await asideIn(fixture.dataDir)).toEqual(before.map((name) => `.lost-${name.slice(1)}`));
    }
    await fixture.close();
  });
});
