import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ServiceProcess, withFolder } from "./serviceProcess.ts";

const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;

/** Runs `batchai` to its end. */
function batchai(
  ...args: string[]
): Promise<{ exitCode: number | string | null | undefined; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], { timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ exitCode: error ? error.code : 0, stdout, stderr });
    });
  });
}

it("tells what it can do", async () => {
  const { exitCode, stdout } = await batchai("serve", "--help");
  expect(exitCode).toBe(0);
  for (const option of ["--data-dir", "--port", "--files-port", "--ignore-container-settings", "--container-engine"])
    expect(stdout).toContain(option);
});

it.each([
  [["serve"], "--data-dir"],
  [["serve", "--data-dir", "/nowhere/x", "--port", "high"], "--port"],
  [["serve", "--data-dir", "/nowhere/x", "--job-env", "AZ_BATCHAI_MOUNT_ROOT=/x"], "AZ_BATCHAI_MOUNT_ROOT is set by"],
  [["serve", "--data-dir", "/nowhere/x", "--job-env", "no-name=1"], "no-name"],
  [["serve", "--data-dir", "/nowhere/x", "--job-env", "NOT_SET_HERE"], "NOT_SET_HERE is not set"],
  [["serve", "--data-dir", "/nowhere/x", "--job-env", "HOME=/x", "--private-home"], "HOME and privateHome exclude"],
  [["serve", "--data-dir", "/nowhere/x", "--container-engine", "tcp://host"], "auto, none or unix:///PATH"],
  [["serve", "--data-dir", "/nowhere/x", "--log-level", "loud"], "--log-level"],
  [["sing"], "sing"],
])("refuses %j in one line that names the fault", async (args, fault) => {
  const { exitCode, stderr } = await batchai(...args);
  expect(exitCode).toBe(1);
  expect(stderr).toContain(fault);
  expect(stderr).not.toMatch(/ at .*\.ts/);
});

it("says what is wrong when it cannot start", async () => {
  await withFolder(async (folder) => {
    const file = join(folder, "file");
    await writeFile(file, "");
    const noFolder = await batchai("serve", "--data-dir", file, "--port", "0", "--files-port", "0");
    expect(noFolder).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(file) as string });
    const service = await ServiceProcess.start(join(folder, "data"));
    const { port } = new URL(service.connection.endpoint);
    const taken = await batchai("serve", "--data-dir", join(folder, "other"), "--port", port, "--files-port", "0");
    const elsewhere = `batchai: Cannot listen on port ${port}: another process uses it. Choose another port with --port.\n`;
    expect(taken).toMatchObject({ exitCode: 1, stderr: elsewhere });
    const filesPort = new URL(service.connection.storage.fileEndpoint).port;
    const files = await batchai("serve", "--data-dir", join(folder, "third"), "--port", "0", "--files-port", filesPort);
    expect(files.stderr).toBe(
      `batchai: Cannot listen on port ${filesPort}: another process uses it. Choose another port with --files-port.\n`,
    );
    const inUse = await batchai("serve", "--data-dir", service.dataDir, "--port", "0", "--files-port", "0");
    expect(inUse).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("Another batchai service") as string });
    await service.stop();
  });
});
