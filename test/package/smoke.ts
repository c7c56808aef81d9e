import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import type { ServiceConnection } from "../../src/service/index.ts";
import { ArmCaller } from "../service/arm.ts";
import { until } from "../until.ts";
import type { InstalledPackage } from "./installed.ts";

/** How a service is tried out. */
export interface SmokeOptions {
  /** The Node.js that runs it. Default: the one that runs the tests. */
  readonly node?: string;
  /** What else to do with the service, once it has run a job. */
  readonly whileItServes?: (connection: ServiceConnection) => Promise<void>;
}

/** Starts a service with Node.js, has it run a job, and stops it: all without a complaint. */
export async function expectToServe(
  installed: InstalledPackage,
  nodeArguments: (dataDir: string) => string[],
  { node = process.execPath, whileItServes }: SmokeOptions = {},
): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), "batchai-"));
  const service = spawn(node, nodeArguments(dataDir), { cwd: installed.project, stdio: ["ignore", "ignore", "pipe"] });
  const exit = once(service, "exit");
  let errors = "";
  service.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  try {
    const connectionFile = join(dataDir, "connection.json");
    await until("the service accepts requests", () => {
      if (service.exitCode !== null) throw new Error(`it ended with ${String(service.exitCode)}: ${errors}`);
      return existsSync(connectionFile);
    });
    const connection = JSON.parse(await readFile(connectionFile, "utf8")) as ServiceConnection;
    await runJob(connection);
    await whileItServes?.(connection);
  } finally {
    service.kill("SIGTERM");
    await exit;
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
  }
  expect({ exitCode: service.exitCode, errors }).toEqual({ exitCode: 0, errors: "" });
}

/** Runs a job. That needs the launcher, a program of its own, from wherever the build has put it. */
async function runJob(connection: ServiceConnection): Promise<void> {
  const arm = new ArmCaller(connection);
  await arm.prepare();
  await arm.expect("PUT", arm.jobPath("hello"), arm.jobBody("exit 7"));
  await until("the job has ended", async () =>
    ["succeeded", "failed"].includes(String((await arm.job("hello")).executionState)),
  );
  expect((await arm.job("hello")).executionInfo).toMatchObject({ exitCode: 7 });
}
