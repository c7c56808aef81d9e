import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isMountPoint } from "../../src/ground/mountTable.ts";
import { detachBelow } from "../../src/ground/unmount.ts";
import { LauncherClient } from "../../src/service/engines/local/launcherClient.ts";
import type { RunFolders } from "../../src/service/engines/supervisor/runFolders.ts";
import { silentLogger } from "../../src/service/logger.ts";
import { until } from "../until.ts";

const mustRun = process.env.BATCHAI_TEST_MOUNTS === "1";

describe.skipIf(!mustRun)("a volume that does not respond", () => {
  let folder: string;
  let launcher: LauncherClient;
  let server: ChildProcess;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "batchai-hung-"));
    for (const name of ["content", "mount", "root"]) await mkdir(join(folder, name));
    await symlink(join(folder, "mount"), join(folder, "root/link"));
    server = spawn("rclone", ["mount", join(folder, "content"), join(folder, "mount"), "--attr-timeout", "0s"]);
    await until("it is mounted", () => isMountPoint(join(folder, "mount")));
    launcher = new LauncherClient({ onExit: () => undefined, onLost: () => undefined }, silentLogger);
  });

  afterEach(async () => {
    server.kill("SIGKILL");
    await launcher.close();
    await detachBelow(folder);
    await rm(folder, { recursive: true });
  });

  const link = () => join(folder, "root/link");

  function start(runId: string, folders: Partial<RunFolders>): Promise<void> {
    const nothing = { mounts: [], scratchRoots: [], directories: [], files: [], outputs: [], logs: [] };
    return launcher.request({
      kind: "spawn",
      runId,
      bash: "/bin/true",
      folder,
      folders: { ...nothing, ...folders },
      environment: {},
    });
  }

  const onVolume = (): Partial<RunFolders> => ({
    mounts: [{ source: join(folder, "mount"), target: link(), isMount: true }],
    outputs: [join(link(), "deep/stdout.txt")],
  });

  it("keeps no other run from its start, and its own run for a limited time", { timeout: 60_000 }, async () => {
    await start("first", onVolume());
    expect(existsSync(join(folder, "content/deep"))).toBe(true);
    server.kill("SIGSTOP");
    const hung = expect(start("hung", onVolume())).rejects.toMatchObject({
      code: "MountFailed",
      message: `A volume does not respond within 30 seconds: ${link()}.`,
    });
    await start("other", { directories: [join(folder, "other")] });
    expect(existsSync(join(folder, "other"))).toBe(true);
    await hung;
    await start("another", { directories: [join(folder, "another")] });
  });

  it("is used again when it responds", async () => {
    server.kill("SIGSTOP");
    const slow = start("slow", onVolume());
    await start("other", {});
    server.kill("SIGCONT");
    await slow;
    expect(existsSync(join(folder, "content/deep"))).toBe(true);
  });

  it("reports what cannot be created on it", async () => {
    const outputs = [join(link(), "../../etc/stdout.txt")];
    await expect(start("outside", { ...onVolume(), directories: ["/proc/none"], outputs })).rejects.toThrow(
      "The folder /proc/none cannot be created",
    );
  });
});
