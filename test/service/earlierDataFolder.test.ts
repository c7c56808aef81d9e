import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { BatchAIService } from "../../src/service/index.ts";
import { migrations } from "../../src/service/state/migrations.ts";
import { ArmCaller } from "./arm.ts";
import { withFolder } from "./serviceProcess.ts";
import { until } from "../until.ts";

/** What 1.0.0-beta.1 stored: a cluster of two nodes, and jobs `done`, `running` and `queued` (for two nodes). */
interface Fixture {
  readonly secretKey: string;
  readonly tables: Readonly<
    Record<string, { readonly columns: string[]; readonly rows: (SQLInputValue | { readonly base64: string })[][] }>
  >;
}

interface Handle {
  readonly runId: string;
  readonly runDirectory: string;
  readonly mounts: readonly { readonly source: string; readonly target: string }[];
}

/** Writes the data folder of the earlier version. Returns the handle of the job that runs. */
async function writeDataFolder(folder: string): Promise<Handle> {
  const text = readFileSync(new URL("./fixtures/dataFolder-1.0.0-beta.1.json", import.meta.url), "utf8");
  const fixture = JSON.parse(text.replaceAll("DATA_DIR", folder)) as Fixture;
  await writeFile(join(folder, "secret.key"), fixture.secretKey, { mode: 0o600 });
  const database = new DatabaseSync(join(folder, "batchai.db"));
  database.exec(`${migrations[0] ?? ""}; PRAGMA user_version = 1;`);
  for (const [table, { columns, rows }] of Object.entries(fixture.tables)) {
    const insert = database.prepare(
      `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`,
    );
    for (const row of rows) insert.run(...row.map(storedValue));
  }
  const row = database.prepare("SELECT handle FROM runs WHERE ended IS NULL").get();
  database.close();
  await mkdir(join(folder, "files/batchaistorage/work"), { recursive: true });
  return JSON.parse(String(row?.handle)) as Handle;
}

function storedValue(value: SQLInputValue | { readonly base64: string }): SQLInputValue {
  const isBytes = typeof value === "object" && value !== null && "base64" in value;
  return isBytes ? Buffer.from(value.base64, "base64") : value;
}

/** Starts a supervisor as the earlier version did: it has claimed the run, and writes the exit file when it ends. */
async function startSupervisor({ runId, runDirectory, mounts }: Handle, gate: string): Promise<ChildProcess> {
  const engine = join(runDirectory, "engine");
  await mkdir(engine, { recursive: true });
  for (const { source, target } of mounts) {
    await mkdir(dirname(target), { recursive: true });
    await symlink(source, target);
  }
  const exit = '{"kind":"exited","phase":"processes","exitCode":6}';
  const script = `until [ -e '${gate}' ]; do sleep 0.05; done; cd '${engine}'; echo '${exit}' > x; ln x exit.json`;
  const environment = { ...process.env, BATCHAI_RUN_ID: runId };
  const supervisor = spawn("bash", ["-c", script], { stdio: "ignore", cwd: engine, env: environment, detached: true });
  await once(supervisor, "spawn");
  const stat = readFileSync(`/proc/${supervisor.pid ?? 0}/stat`, "latin1");
  const started = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  await writeFile(join(engine, "claim"), `${supervisor.pid ?? 0} ${started} ${boot}\n`);
  return supervisor;
}

describe("a data folder of 1.0.0-beta.1", () => {
  it("opens; its running job is found, its queued job runs, and everything can be deleted", async () => {
    await withFolder(async (folder) => {
      const handle = await writeDataFolder(folder);
      const gate = join(folder, "gate");
      const supervisor = await startSupervisor(handle, gate);
      const service = await BatchAIService.start({ dataDir: folder });
      const arm = new ArmCaller(service.connection);
      expect(await arm.job("done")).toMatchObject({ executionState: "succeeded", executionInfo: { exitCode: 0 } });
      expect((await arm.job("running")).executionState).toBe("running");
      expect((await arm.job("queued")).executionState).toBe("queued");

      await writeFile(gate, "");
      const ended = async (name: string): Promise<Record<string, unknown>> => {
        await until(`${name} has ended`, async () =>
          /succeeded|failed/.test(String((await arm.job(name)).executionState)),
        );
        return await arm.job(name);
      };
      expect(await ended("running")).toMatchObject({ executionState: "failed", executionInfo: { exitCode: 6 } });
      expect(supervisor.signalCode).toBeNull();
      expect(await ended("queued")).toMatchObject({ executionState: "failed", executionInfo: { exitCode: 2 } });
      await until("the links of the old run are gone", () => handle.mounts.every(({ target }) => !existsSync(target)));

      await arm.expect("PUT", arm.jobPath("new"), arm.jobBody("echo new > $AZ_BATCHAI_MOUNT_ROOT/work/new.txt"));
      expect(await ended("new")).toMatchObject({ executionState: "succeeded" });
      expect(await readFile(join(folder, "files/batchaistorage/work/new.txt"), "utf8")).toBe("new\n");

      const group = arm.inSubscription("/resourceGroups/group");
      await arm.expect("DELETE", group);
      await until("all is gone", async () => (await arm.send("GET", group)).status === 404);
      await service.close();
      const left = (name: string): string[] => (existsSync(join(folder, name)) ? readdirSync(join(folder, name)) : []);
      expect({ runs: left("runs"), nodes: left("nodes") }).toEqual({ runs: [], nodes: [] });
    });
  });
});
