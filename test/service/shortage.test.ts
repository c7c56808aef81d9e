import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import type { ServiceConnection } from "../../src/service/index.ts";
import { until } from "../until.ts";
import { ArmCaller, clusterBody } from "./arm.ts";
import { KeptConnection } from "./keptConnection.ts";
import { ServiceProcess, withFolder } from "./serviceProcess.ts";

const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;
const isRoot = process.getuid?.() === 0;
const workspaces = (arm: ArmCaller, name: string): string =>
  arm.inSubscription(`/resourceGroups/group/providers/Microsoft.BatchAI/workspaces/${name}`);

/** Runs `work` with a running service on a folder that `mount` prepares. */
async function withService(
  work: (service: ServiceProcess, arm: ArmCaller, folder: string) => Promise<void>,
  mountOptions?: string,
): Promise<void> {
  await withFolder(async (folder) => {
    const dataDir = join(folder, "data");
    await mkdir(dataDir);
    if (mountOptions !== undefined) execFileSync("mount", ["-t", "tmpfs", "-o", mountOptions, "tmpfs", dataDir]);
    const flags = ["--mount-root", join(folder, "mounts")];
    const service = await ServiceProcess.start(dataDir, flags).catch((error: unknown) => {
      if (mountOptions !== undefined) execFileSync("umount", [dataDir]);
      throw error;
    });
    try {
      const arm = new ArmCaller(service.connection);
      await arm.prepare();
      await work(service, arm, dataDir);
      expect(service.output).not.toContain('"status":500');
    } finally {
      await service.kill();
      if (mountOptions !== undefined) execFileSync("umount", [dataDir]);
    }
  });
}

function limitDescriptors(pid: number, most: number): void {
  execFileSync("prlimit", ["--pid", String(pid), `--nofile=${String(most)}:`]);
}

async function ended(arm: ArmCaller, name: string): Promise<Record<string, unknown>> {
  await until(`job ${name} has ended`, async () =>
    /succeeded|failed/.test(String((await arm.job(name)).executionState)),
  );
  return await arm.job(name);
}

it("without descriptors, requests get 503 or succeed, and all goes on when they are back", async () => {
  await withService(async (service, arm) => {
    const job = arm.jobPath("first");
    await arm.expect("PUT", job, await jobWithOutput(service, arm));
    expect((await ended(arm, "first")).executionState).toBe("succeeded");
    await arm.expect("PUT", arm.inWorkspace("/clusters/empty"), clusterBody(0));
    const kept = new KeptConnection(service.connection);
    const list = `${job}/listOutputFiles?outputdirectoryid=stdouterr`;
    expect((await kept.send("POST", list)).status).toBe(200);
    // The event loop and the databases have all of these, so nothing new can be opened.
    limitDescriptors(service.pid, 10);
    const listing = await kept.send("POST", list);
    expect(listing).toMatchObject({ status: 503, retryAfter: "1" });
    expect(JSON.parse(listing.text)).toMatchObject({ error: { code: "ServiceUnavailable" } });
    const cluster = { id: arm.inWorkspace("/clusters/empty") };
    const queued = await kept.send("PUT", arm.jobPath("second"), arm.jobBody("true", { cluster }));
    expect(queued.status).toBe(202);
    limitDescriptors(service.pid, 4096);
    expect((await kept.send("POST", list)).status).toBe(200);
    await arm.expect("PATCH", cluster.id, clusterBody(1));
    expect(await ended(arm, "second")).toMatchObject({ executionState: "succeeded" });
    kept.close();
  });
});

it("idle connections do not use up the descriptors that jobs need, and further ones get 503", async () => {
  await withFolder(async (dataDir) => {
    const [service, connection] = await startWith(dataDir, ["prlimit", "--nofile=64:64"]);
    const arm = new ArmCaller(connection);
    const kept = new KeptConnection(connection);
    expect((await kept.send("PUT", arm.inSubscription("/resourceGroups/group"), { location: "eastus" })).status).toBe(
      201,
    );
    const { hostname, port } = new URL(connection.endpoint);
    const idle = Array.from({ length: 60 }, () => connect(Number(port), hostname));
    const refusals = idle.map(async (socket) => {
      let text = "";
      socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      socket.on("error", () => undefined);
      await once(socket, "close");
      return text;
    });
    const refused = await Promise.race(refusals);
    expect(refused).toMatch(/^HTTP\/1.1 503 .*retry-after: 1.*"code":"ServiceUnavailable"/s);
    for (const [path, body] of [
      [arm.inWorkspace(), { location: "eastus" }],
      [arm.inWorkspace("/experiments/exp"), {}],
      [arm.inWorkspace("/clusters/nodes"), clusterBody(1)],
      [arm.jobPath("job"), arm.jobBody("true")],
    ] as const) {
      expect((await kept.send("PUT", path, body)).status).toBeLessThan(300);
    }
    await until("the job has succeeded", async () =>
      (await kept.send("GET", arm.jobPath("job"))).text.includes('"executionState":"succeeded"'),
    );
    for (const socket of idle) socket.destroy();
    await until(
      "new connections are accepted again",
      async () => (await arm.send("GET", arm.jobPath("job"))).status === 200,
    );
    kept.close();
    service.kill();
    await once(service, "exit");
  });
});

it.skipIf(!isRoot)("a log on a full disk does not end the service", async () => {
  await withFolder(async (folder) => {
    const logs = join(folder, "logs");
    await mkdir(logs);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", logs]);
    try {
      const log = join(logs, "log");
      writeFileSync(log, "");
      fill(join(logs, "filler"));
      const [service, connection] = await startWith(join(folder, "data"), [], openSync(log, "a"));
      const arm = new ArmCaller(connection);
      for (let count = 0; count < 20; count++) await arm.send("GET", arm.inWorkspace());
      expect(service.exitCode).toBe(null);
      await rm(join(logs, "filler"));
      await until("the log goes on", async () => {
        await arm.send("GET", arm.inWorkspace());
        return readFileSync(log, "utf8").includes('"msg":"request"');
      });
      service.kill();
      await once(service, "exit");
    } finally {
      execFileSync("umount", ["-l", logs]);
    }
  });
});

/** Starts a service through another program, such as `prlimit`, with its log in a file. */
async function startWith(
  dataDir: string,
  program: readonly string[],
  log: number | "ignore" = "ignore",
): Promise<[service: ChildProcess, connection: ServiceConnection]> {
  const options = ["--data-dir", dataDir, "--port", "0", "--files-port", "0", "--log-level", "debug"];
  const [command = "", ...rest] = [...program, process.execPath, main, "serve", ...options];
  const service = spawn(command, rest, { stdio: ["ignore", "ignore", log] });
  const file = join(dataDir, "connection.json");
  await until("the service accepts requests", () => service.exitCode !== null || existsSync(file));
  return [service, JSON.parse(readFileSync(file, "utf8")) as ServiceConnection];
}

it.skipIf(!isRoot)("on a full disk, changes get 507 and what was acknowledged is kept", async () => {
  await withService(async (service, arm, folder) => {
    const filler = join(folder, "filler");
    fill(filler);
    const { acknowledged, refusals } = await createUntilRefused(arm);
    expect(refusals).toMatchObject({ status: 507, code: "InsufficientStorage", retryAfter: "1" });
    expect((await arm.send("GET", arm.inWorkspace())).status).toBe(200);
    await rm(filler);
    await expectAll(arm, acknowledged);
    expect((await arm.send("PUT", workspaces(arm, "after"), { location: "eastus" })).status).toBeLessThan(300);
    await arm.expect("PUT", arm.jobPath("after"), arm.jobBody("true"));
    expect((await ended(arm, "after")).executionState).toBe("succeeded");
    await service.stop();
    expect(integrityOf(folder)).toBe("ok");
  }, "size=8m,mode=700");
});

it.skipIf(!isRoot)("without inodes, jobs wait until there are some again", async () => {
  await withService(async (_service, arm, folder) => {
    await until("the node is idle", async () => {
      const { properties } = (await arm.expect("GET", arm.inWorkspace("/clusters/nodes"))).body;
      return properties?.allocationState === "steady";
    });
    const fillers = join(folder, "fillers");
    await mkdir(fillers);
    const used = useUpInodes(fillers);
    const answer = await arm.send("PUT", arm.jobPath("waiting"), arm.jobBody("true"));
    expect([202, 507]).toContain(answer.status);
    expect((await arm.send("PUT", workspaces(arm, "more"), { location: "eastus" })).status).toBeLessThan(300);
    expect(used).toBeGreaterThan(0);
    await rm(fillers, { recursive: true });
    if (answer.status === 507) await arm.expect("PUT", arm.jobPath("waiting"), arm.jobBody("true"));
    expect((await ended(arm, "waiting")).executionState).toBe("succeeded");
  }, "size=64m,nr_inodes=200,mode=700");
});

it("while another program locks the database, changes get 503, reads succeed, and jobs go on afterwards", async () => {
  await withService(async (service, arm, folder) => {
    await arm.expect("PUT", arm.jobPath("running"), arm.jobBody("sleep 0.2; echo done"));
    const other = new DatabaseSync(join(folder, "batchai.db"), { timeout: 10_000 });
    other.exec("BEGIN IMMEDIATE");
    const started = performance.now();
    const answer = await arm.send("PUT", workspaces(arm, "locked"), { location: "eastus" });
    expect(performance.now() - started).toBeLessThan(3000);
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toBe("1");
    expect(answer.body.error?.code).toBe("ServiceUnavailable");
    expect((await arm.send("GET", arm.inWorkspace())).status).toBe(200);
    other.exec("ROLLBACK");
    other.close();
    expect((await arm.send("GET", workspaces(arm, "locked"))).status).toBe(404);
    await arm.expect("PUT", workspaces(arm, "locked"), { location: "eastus" });
    expect((await ended(arm, "running")).executionState).toBe("succeeded");
    await arm.expect("PUT", arm.jobPath("after"), arm.jobBody("true"));
    expect((await ended(arm, "after")).executionState).toBe("succeeded");
    expect(await service.stop()).toBe(0);
  });
});

async function jobWithOutput(service: ServiceProcess, arm: ArmCaller): Promise<unknown> {
  const { accountName, accountKey, fileEndpoint } = service.connection.storage;
  await mkdir(join(service.dataDir, "files", accountName, "out"), { recursive: true });
  const share = {
    accountName,
    azureFileUrl: `${fileEndpoint}/out`,
    credentials: { accountKey },
    relativeMountPath: "out",
  };
  return arm.jobBody("echo hello", {
    stdOutErrPathPrefix: "$AZ_BATCHAI_JOB_MOUNT_ROOT/out",
    mountVolumes: { azureFileShares: [share] },
  });
}

/** Writes a file until the disk is full. */
function fill(file: string): void {
  const block = Buffer.alloc(4096);
  for (;;) {
    try {
      writeFileSync(file, block, { flag: "a" });
    } catch {
      return;
    }
  }
}

function useUpInodes(folder: string): number {
  for (let count = 0; ; count++) {
    try {
      writeFileSync(join(folder, String(count)), "");
    } catch {
      return count;
    }
  }
}

interface Refusal {
  readonly status: number;
  readonly code: string | undefined;
  readonly retryAfter: string | null;
}

async function createUntilRefused(arm: ArmCaller): Promise<{ acknowledged: string[]; refusals: Refusal }> {
  const acknowledged: string[] = [];
  for (let count = 0; ; count++) {
    const name = `w${String(count)}`;
    const answer = await arm.send("PUT", workspaces(arm, name), { location: "eastus", tags: { a: "x".repeat(200) } });
    if (answer.status >= 400) {
      const { status, headers, body } = answer;
      return { acknowledged, refusals: { status, code: body.error?.code, retryAfter: headers.get("retry-after") } };
    }
    acknowledged.push(name);
  }
}

async function expectAll(arm: ArmCaller, names: readonly string[]): Promise<void> {
  for (const name of names) expect((await arm.send("GET", workspaces(arm, name))).status).toBe(200);
}

function integrityOf(folder: string): unknown {
  const database = new DatabaseSync(join(folder, "batchai.db"));
  try {
    return database.prepare("PRAGMA integrity_check").get()?.integrity_check;
  } finally {
    database.close();
  }
}
