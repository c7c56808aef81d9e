import { spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { BatchAIService } from "../../src/service/index.ts";
import type { Logger } from "../../src/service/logger.ts";
import { titleOf } from "../programs.ts";
import { sharedSlurm } from "../slurm/sharedSlurm.ts";
import { slurmObstacle } from "../slurm/slurmObstacle.ts";
import type { SlurmSite } from "../slurm/slurmSite.ts";
import { until } from "../until.ts";

const obstacle = slurmObstacle();
const aboutNodes = /nodes? of Slurm/;
let site: SlurmSite;
let folder: string;
let entries: { level: string; details: Record<string, unknown>; message: string }[];

const note = (level: string) => (details: Record<string, unknown>, message: string) => {
  if (aboutNodes.test(message)) entries.push({ level, details, message });
};
const logger: Logger = { debug: note("debug"), info: note("info"), warn: note("warn"), error: note("error") };

function start(sharedDir: string, types: Record<string, { engine: "slurm"; partition: string; qos?: string }>) {
  return BatchAIService.start({ dataDir: join(folder, "data"), sharedDir, nodeTypes: types, logger });
}

async function waitingChecks(): Promise<string[]> {
  const names = await site.run("squeue", "-h", "-t", "PENDING,RUNNING", "-o", "%j");
  return names.split("\n").filter((name) => name.includes("-check-"));
}

describe.skipIf(obstacle)(titleOf("checks of the nodes of Slurm", obstacle), () => {
  beforeAll(async () => {
    site = await sharedSlurm();
    process.env.SLURM_CONF = site.environment.SLURM_CONF;
  });

  afterAll(() => {
    delete process.env.SLURM_CONF;
  });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "batchai-checks-"));
    entries = [];
  });

  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it("say on which host the shared folder is seen, leave nothing, and are not repeated by the next start", async () => {
    const shared = join(folder, "shared");
    const types = {
      MAIN: { engine: "slurm", partition: "main" },
      SAME: { engine: "slurm", partition: "main" },
    } as const;
    const service = await start(shared, types);
    await until("the check has ended", () => entries.length > 0);
    await service.close();
    expect(entries).toEqual([
      {
        level: "info",
        details: {
          folder: join(shared, "runs"),
          partition: "main",
          host: expect.stringMatching(/^n[1-4]$/) as string,
          containerTools: expect.any(Array) as string[],
        },
        message: "nodes of Slurm and the service see each other's files",
      },
    ]);
    expect(await readdir(join(shared, "runs"))).toEqual([]);
    const again = await start(shared, types);
    expect(await waitingChecks()).toEqual([]);
    await again.close();
    expect(entries).toHaveLength(1);
  });

  it("warn of a folder that a node does not see", async () => {
    const mount = join(folder, "mount");
    await mkdir(mount);
    // The nodes have mounts of their own since they have started.
    expect(spawnSync("mount", ["-t", "tmpfs", "none", mount]).status).toBe(0);
    try {
      const shared = join(mount, "shared");
      const service = await start(shared, { MAIN: { engine: "slurm", partition: "main" } });
      await until("the check has ended", () => entries.length > 0, 120_000);
      await service.close();
      expect(entries).toMatchObject([
        {
          level: "warn",
          details: { folder: join(shared, "runs"), host: expect.stringMatching(/^n[1-4]$/) as string },
          message: expect.stringContaining("does not see what the service writes") as string,
        },
      ]);
      expect(await readdir(join(shared, "runs"))).toEqual([]);
    } finally {
      expect(spawnSync("umount", [mount]).status).toBe(0);
    }
  });

  it("do not keep the service from starting, and leave no job in the queue when it closes", async () => {
    const service = await start(join(folder, "shared"), { CLOSED: { engine: "slurm", partition: "closed" } });
    await until("the check waits", async () => (await waitingChecks()).length > 0);
    await service.close();
    await until("nothing waits", async () => (await waitingChecks()).length === 0);
    expect(entries).toEqual([]);
  });

  it("warn if Slurm refuses the job", async () => {
    const service = await start(join(folder, "shared"), { MISSING: { engine: "slurm", partition: "missing" } });
    await until("the check has failed", () => entries.length > 0);
    await service.close();
    expect(entries).toMatchObject([
      {
        level: "warn",
        details: { partition: "missing", reason: expect.stringContaining("invalid partition") as string },
        message: "cannot check that nodes of Slurm see the shared folder",
      },
    ]);
  });
});
