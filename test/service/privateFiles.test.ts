import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { BatchAIService } from "../../src/service/index.ts";
import { ServiceProcess, withFolder } from "./serviceProcess.ts";

const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;
const isRoot = process.getuid?.() === 0;
const nobody = 65534;

const modeOf = (path: string): number => statSync(path).mode & 0o777;
const modesIn = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder, { withFileTypes: true }).map((entry) => [
      entry.name,
      modeOf(join(folder, entry.name)).toString(8),
    ]),
  );

/** Tries to start a service that cannot start; returns what it prints. `user` is another user than root. */
function failedStart(dataDir: string, user?: number): string {
  const command = [process.execPath, main, "serve", "--data-dir", dataDir, "--port", "0", "--files-port", "0"];
  const asUser =
    user === undefined ? [] : ["setpriv", `--reuid=${String(user)}`, `--regid=${String(user)}`, "--clear-groups"];
  const [program = "", ...rest] = [...asUser, ...command];
  const { status, stderr } = spawnSync(program, rest, { encoding: "utf8", timeout: 60_000 });
  expect(status).toBe(1);
  return stderr.trim();
}

it("everything that the service creates is for its owner alone, whatever the umask is", async () => {
  await withFolder(async (folder) => {
    const before = process.umask(0);
    const dataDir = join(folder, "data");
    try {
      const service = await BatchAIService.start({ dataDir, mountRoot: join(folder, "mounts") });
      expect(modeOf(dataDir)).toBe(0o700);
      const { files, ...others } = modesIn(dataDir);
      expect(files).toBeDefined();
      for (const mode of Object.values(others)) expect(mode).toMatch(/^[67]00$/);
      expect(others).toMatchObject({
        "batchai.db": "600",
        "batchai.db-wal": "600",
        "batchai.db-shm": "600",
        lock: "600",
      });
      await service.close();
    } finally {
      process.umask(before);
    }
  });
});

it("a folder that others can enter stays as it is with its shares; the files of the service are tightened", async () => {
  await withFolder(async (folder) => {
    const dataDir = join(folder, "data");
    mkdirSync(join(dataDir, "files/batchaistorage/share"), { recursive: true });
    mkdirSync(join(dataDir, "runs"));
    writeFileSync(join(dataDir, "files/batchaistorage/share/public.txt"), "for all");
    await ServiceProcess.start(dataDir).then(async (first) => await first.stop());
    for (const name of ["batchai.db", "secret.key", "lock"]) chmodSync(join(dataDir, name), 0o644);
    chmodSync(dataDir, 0o755);
    chmodSync(join(dataDir, "runs"), 0o755);
    const service = await ServiceProcess.start(dataDir);
    expect(service.output).toContain(
      `Other users can enter the data folder ${dataDir}. To prevent it, run: chmod 700 ${dataDir}`,
    );
    expect(modeOf(dataDir)).toBe(0o755);
    expect(modeOf(join(dataDir, "files/batchaistorage/share"))).toBe(0o755);
    expect(modeOf(join(dataDir, "files/batchaistorage/share/public.txt"))).toBe(0o644);
    expect(modesIn(dataDir)).toMatchObject({
      "batchai.db": "600",
      "batchai.db-wal": "600",
      "secret.key": "600",
      "connection.json": "600",
      lock: "600",
      runs: "700",
    });
    expect(modeOf(join(dataDir, "files/properties.db"))).toBe(0o600);
    await service.stop();
  });
});

it("a folder that others can write to is refused, and left alone", async () => {
  await withFolder(async (folder) => {
    for (const mode of [0o777, 0o770, 0o707, 0o1777]) {
      const dataDir = join(folder, mode.toString(8));
      mkdirSync(dataDir);
      chmodSync(dataDir, mode);
      expect(failedStart(dataDir)).toBe(
        `batchai: The data folder ${dataDir} cannot be used: other users can write to it. ` +
          `Check what is in it, then run: chmod go-w ${dataDir}.`,
      );
      expect(readdirSync(dataDir)).toEqual([]);
    }
  });
});

it.skipIf(!isRoot)("a folder of another user is refused, also by root", async () => {
  await withFolder(async (folder) => {
    chmodSync(folder, 0o755);
    const dataDir = join(folder, "data");
    mkdirSync(dataDir, { mode: 0o700 });
    chownSync(dataDir, nobody, nobody);
    expect(failedStart(dataDir)).toContain("it belongs to another user (uid 65534), and this process runs as uid 0.");
    chownSync(dataDir, 0, 0);
    chmodSync(dataDir, 0o755);
    expect(failedStart(dataDir, nobody)).toContain(
      "it belongs to another user (uid 0), and this process runs as uid 65534.",
    );
    expect(failedStart(join(folder, "new"), nobody)).toBe(
      `batchai: The data folder ${join(folder, "new")} cannot be used: permission denied.`,
    );
  });
});

it.skipIf(!isRoot)("a folder that cannot be written to is named with the reason", async () => {
  await withFolder(async (folder) => {
    chmodSync(folder, 0o755);
    const dataDir = join(folder, "data");
    mkdirSync(dataDir, { mode: 0o700 });
    chownSync(dataDir, nobody, nobody);
    chmodSync(dataDir, 0o500);
    expect(failedStart(dataDir, nobody)).toBe(`batchai: The data folder ${dataDir} cannot be used: permission denied.`);
    chownSync(dataDir, 0, 0);
    await (await ServiceProcess.start(dataDir).catch(() => undefined))?.stop();
    execFileSync("mount", ["--bind", dataDir, dataDir]);
    try {
      execFileSync("mount", ["-o", "remount,bind,ro", dataDir]);
      expect(failedStart(dataDir)).toBe(
        `batchai: The data folder ${dataDir} cannot be used: the file system is read-only.`,
      );
    } finally {
      execFileSync("umount", [dataDir]);
    }
  });
});

it.skipIf(!isRoot)("a database that belongs to another user is named with the reason", async () => {
  await withFolder(async (folder) => {
    chmodSync(folder, 0o755);
    const dataDir = join(folder, "data");
    mkdirSync(dataDir, { mode: 0o700 });
    await (await ServiceProcess.start(dataDir)).stop();
    for (const name of readdirSync(dataDir)) chownSync(join(dataDir, name), nobody, nobody);
    chownSync(dataDir, nobody, nobody);
    chownSync(join(dataDir, "batchai.db"), 0, 0);
    expect(existsSync(join(dataDir, "batchai.db"))).toBe(true);
    expect(failedStart(dataDir, nobody)).toBe(
      `batchai: ${join(dataDir, "batchai.db")} cannot be used: permission denied (${join(dataDir, "batchai.db")}).`,
    );
  });
});

it("a file in place of the folder is named", async () => {
  await withFolder(async (folder) => {
    writeFileSync(join(folder, "file"), "");
    expect(failedStart(join(folder, "file"))).toBe(
      `batchai: The data folder ${join(folder, "file")} cannot be used: it is a file, not a folder.`,
    );
  });
});
