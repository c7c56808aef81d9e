import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ProcessEngine } from "../../src/service/engines/local/processEngine.ts";
import { Pruning } from "../../src/service/scheduler/pruning.ts";
import { silentLogger } from "../../src/service/logger.ts";
import { openStore } from "../../src/service/state/store.ts";
import { withFolder } from "./serviceProcess.ts";
import { ServiceWithEngines } from "./serviceWithEngines.ts";
import { until } from "../until.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

/** Makes each commit of batchai.db fail. Returns how many have failed, and a function that ends the trouble. */
function failCommits(errcode: number): { count: () => number; end: () => void } {
  const original = DatabaseSync.prototype.exec;
  let count = 0;
  const spy = vi.spyOn(DatabaseSync.prototype, "exec").mockImplementation(function (this: DatabaseSync, sql: string) {
    if (sql !== "COMMIT") {
      original.call(this, sql);
      return;
    }
    count++;
    throw Object.assign(new Error("made up by the test"), { code: "ERR_SQLITE_ERROR", errcode });
  });
  return {
    count: () => count,
    end: () => {
      spy.mockRestore();
    },
  };
}

async function withService(work: (service: ServiceWithEngines, folder: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const service = await ServiceWithEngines.start(join(folder, "data"), [new ProcessEngine({ gracePeriodInMs: 500 })]);
    try {
      await service.prepare(2);
      await work(service, folder);
    } finally {
      vi.restoreAllMocks();
      await service.close();
    }
  });
}

const codes: [name: string, errcode: number][] = [
  ["SQLITE_FULL", 13],
  ["SQLITE_BUSY", 5],
  ["SQLITE_IOERR", 10],
];

describe("a database that cannot be written for the moment", () => {
  it.each(codes)("(%s) loses no end of a job, and does not run it again", async (_name, errcode) => {
    await withService(async (service, folder) => {
      const [gate, ran] = [join(folder, "gate"), join(folder, "ran")];
      for (const name of ["one", "two"]) {
        await service.create(name, `echo ${name} >> '${ran}'; until [ -e '${gate}' ]; do sleep 0.05; done; exit 6`);
      }
      await until("both run", () => linesOf(ran).length === 2);
      const started = performance.now();
      const trouble = failCommits(errcode);
      await service.create("probe", "true").catch(() => undefined);
      await writeFile(gate, "open");
      await until("several tries have failed", () => trouble.count() >= 6);
      // It pauses between its tries: each try of the two ends takes a second.
      expect(performance.now() - started).toBeGreaterThan(900);
      trouble.end();
      for (const name of ["one", "two"]) {
        expect(await service.ended(name)).toMatchObject({ executionInfo: { exitCode: 6 } });
      }
      await service.create("next", "exit 3");
      expect(await service.ended("next")).toMatchObject({ executionInfo: { exitCode: 3 } });
      expect(linesOf(ran).sort()).toEqual(["one", "two"]);
    });
  });

  it.each(codes)("(%s) while a job is prepared lets it start later, once", async (_name, errcode) => {
    await withService(async (service, folder) => {
      const ran = join(folder, "ran");
      const engine = vi.spyOn(ProcessEngine.prototype, "handleFor");
      let trouble: ReturnType<typeof failCommits> | undefined;
      engine.mockImplementationOnce(function (this: ProcessEngine, plan) {
        trouble = failCommits(errcode);
        engine.mockRestore();
        return this.handleFor(plan);
      });
      await service.create("job", `echo job >> '${ran}'; exit 4`);
      await until("a commit has failed", () => (trouble?.count() ?? 0) >= 1);
      trouble?.end();
      expect(await service.ended("job")).toMatchObject({ executionInfo: { exitCode: 4 } });
      expect(linesOf(ran)).toEqual(["job"]);
    });
  });

  it("because its owner has locked it, continues when it is unlocked", async () => {
    await withService(async (service, folder) => {
      const [gate, ran] = [join(folder, "gate"), join(folder, "ran")];
      await service.create("job", `echo job >> '${ran}'; until [ -e '${gate}' ]; do sleep 0.05; done; exit 6`);
      await until("it runs", () => linesOf(ran).length === 1);
      const owner = new DatabaseSync(join(folder, "data/batchai.db"));
      owner.exec("BEGIN IMMEDIATE");
      await writeFile(gate, "open");
      await until("a request is rejected", async () => {
        const path = service.arm.jobPath("other");
        return (await service.arm.send("PUT", path, service.arm.jobBody("true"))).status >= 500;
      });
      expect((await service.arm.job("job")).executionState).toBe("running");
      owner.exec("COMMIT");
      owner.close();
      expect(await service.ended("job")).toMatchObject({ executionInfo: { exitCode: 6 } });
      expect(linesOf(ran)).toEqual(["job"]);
    });
  });
});

describe("a change that is faulty", () => {
  it("does not keep others from being stored", async () => {
    await withService(async (service) => {
      const conflicting = service.arm.jobBody("exit 1");
      const answers = await Promise.all([
        service.arm.send("PUT", service.arm.jobPath("job"), service.arm.jobBody("exit 5")),
        service.arm.send("PUT", service.arm.jobPath("job"), conflicting),
        service.arm.send("PUT", service.arm.jobPath("other"), service.arm.jobBody("exit 7")),
      ]);
      expect(answers.map(({ status }) => status).sort()).toEqual([202, 202, 409]);
      expect(await service.ended("other")).toMatchObject({ executionInfo: { exitCode: 7 } });
    });
  });
});

describe("operations that ended long ago", () => {
  it("are removed while the service runs, and others are kept", async () => {
    await withFolder(async (folder) => {
      const store = openStore(folder);
      const pruning = new Pruning(store, silentLogger, { intervalInMs: 20 });
      pruning.start();
      const resource = "/subscriptions/s/resourceGroups/g";
      const active = store.operations.begin("delete", resource, "local");
      const old = store.transaction(() =>
        Array.from({ length: 1000 }, () => store.operations.record("create", resource, "local")),
      );
      const database = new DatabaseSync(join(folder, "batchai.db"));
      database.exec("UPDATE operations SET kept_from = kept_from - 25 * 3600 * 1000");
      database.close();
      const recent = store.operations.record("create", resource, "local");
      await until("the old ones are gone", () => old.every(({ id }) => store.operations.find(id) === undefined));
      expect(store.operations.find(active.id)).toBeDefined();
      expect(store.operations.find(recent.id)).toBeDefined();
      pruning.close();
      store.close();
    });
  });
});

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, "utf8").trim().split("\n");
  } catch {
    return [];
  }
}
