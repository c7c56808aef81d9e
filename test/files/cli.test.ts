import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { withFolder } from "../service/serviceProcess.ts";
import { listed } from "./deletedShares.ts";
import { FilesProcess } from "./filesProcess.ts";

const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;

/** Runs `batchai files` to its end. */
function files(...args: string[]): Promise<{ exitCode: unknown; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, "files", ...args], { timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ exitCode: error ? error.code : 0, stdout, stderr });
    });
  });
}

it("serves shares, keeps the key private, and keeps both across restarts", async () => {
  await withFolder(async (folder) => {
    const dataDir = join(folder, "made", "here");
    const first = await FilesProcess.start(dataDir);
    const { name, key, fileEndpoint } = first.account;
    const accountsFile = join(dataDir, "accounts.json");
    expect(first.output).toContain(`File shares    ${fileEndpoint}\n`);
    expect(first.output).toContain(accountsFile);
    expect(first.output).not.toContain(key);
    expect((await stat(accountsFile)).mode & 0o777).toBe(0o600);
    const share = first.client().getShareClient("kept");
    await share.create();
    await share.rootDirectoryClient.getFileClient("note.txt").uploadData(Buffer.from("still here"));
    expect(await readFile(join(dataDir, name, "kept", "note.txt"), "utf8")).toBe("still here");
    expect(await first.stop()).toBe(0);

    const second = await FilesProcess.start(dataDir);
    expect(second.account).toMatchObject({ name, key });
    const note = second.client().getShareClient("kept").rootDirectoryClient.getFileClient("note.txt");
    expect((await note.downloadToBuffer()).toString()).toBe("still here");
    expect(await second.stop("SIGINT")).toBe(0);
  });
});

it("hosts the accounts in its options, and those of its folder", async () => {
  await withFolder(async (folder) => {
    const first = await FilesProcess.start(folder, ["--port", "0", "--account", "red", "blue", "--account", "red"]);
    expect(first.accounts.map(({ name }) => name)).toEqual(["red", "blue"]);
    expect(first.accounts[0]?.key).not.toBe(first.accounts[1]?.key);
    await first.stop();
    const second = await FilesProcess.start(folder, ["--port", "0", "--account", "green"]);
    expect(second.accounts.map(({ name }) => name)).toEqual(["red", "blue", "green"]);
    expect(second.accounts[0]?.key).toBe(first.accounts[0]?.key);
    await second.stop();
  });
});

it("uses a key that its owner generated, and does not reveal it", async () => {
  await withFolder(async (folder) => {
    const accountsFile = join(folder, "accounts.json");
    const key = randomBytes(64).toString("base64");
    await writeFile(accountsFile, JSON.stringify([{ name: "mine", key }]), { mode: 0o644 });
    const endpoint = await FilesProcess.start(folder, ["--port", "0", "--host", "127.0.0.2"]);
    expect(endpoint.account).toMatchObject({ name: "mine", key });
    expect(endpoint.account.fileEndpoint).toMatch(/^http:\/\/127\.0\.0\.2:\d+\/mine$/);
    expect((await stat(accountsFile)).mode & 0o777).toBe(0o600);
    await endpoint.client().createShare("shown");
    for (const place of ["cmdline", "environ"]) expect(await endpoint.seenAt(place)).not.toContain(key);
    expect(endpoint.output).not.toContain(key);
    expect(await endpoint.stop()).toBe(0);
  });
});

it("keeps deleted shares for the time in its options", async () => {
  await withFolder(async (folder) => {
    const endpoint = await FilesProcess.start(folder, ["--port", "0", "--share-retention-days", "5"]);
    const client = endpoint.client();
    await client.createShare("kept");
    await client.deleteShare("kept");
    const [item] = await listed({ client }, { includeDeleted: true });
    expect(item).toMatchObject({ name: "kept", deleted: true, properties: { remainingRetentionDays: 5 } });
    await client.undeleteShare("kept", item?.version ?? "");
    expect(await client.getShareClient("kept").exists()).toBe(true);
    await endpoint.stop();
  });
});

it("reports in one line why it cannot start", async () => {
  await withFolder(async (folder) => {
    const file = join(folder, "file");
    await writeFile(file, "");
    const running = await FilesProcess.start(join(folder, "running"));
    const { port } = new URL(running.account.fileEndpoint);
    await writeFile(join(folder, "accounts.json"), '{"name": "lonely"}');
    for (const [fault, ...args] of [
      ["--data-dir"],
      ["--port", "--data-dir", folder, "--port", "high"],
      ["--log-level", "--data-dir", folder, "--log-level", "loud"],
      ["--share-retention-days", "--data-dir", folder, "--share-retention-days", "366"],
      ["--grace-seconds", "--data-dir", folder, "--grace-seconds", "1.5"],
      [
        "this machine does not have that address",
        "--data-dir",
        join(folder, "other"),
        "--port",
        "0",
        "--host",
        "192.0.2.1",
      ],
      [file, "--data-dir", file, "--port", "0"],
      [`port ${port}: another process uses it`, "--data-dir", join(folder, "other"), "--port", port],
      ["No-Name", "--data-dir", join(folder, "other"), "--port", "0", "--account", "No-Name"],
      [join(folder, "accounts.json"), "--data-dir", folder, "--port", "0"],
    ] as const) {
      const { exitCode, stdout, stderr } = await files(...args);
      expect(exitCode, fault).toBe(1);
      expect(stdout, fault).toBe("");
      expect(stderr).toContain(fault);
      expect(stderr, fault).not.toMatch(/ at .*\.[tj]s/);
    }
    await running.stop();
  });
});

it("prints its help", async () => {
  const { exitCode, stdout } = await files("--help");
  expect(exitCode).toBe(0);
  const options = ["--data-dir", "--port", "--host", "--account", "--share-retention-days", "--grace-seconds"];
  for (const option of [...options, "--log-level", "accounts.json"]) expect(stdout).toContain(option);
});
