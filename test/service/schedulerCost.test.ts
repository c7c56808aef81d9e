import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Job } from "../../src/models/job.ts";
import { ProcessEngine } from "../../src/service/engines/local/processEngine.ts";
import { enqueue, markEnded } from "../../src/service/scheduler/jobStates.ts";
import { openStore, type Store } from "../../src/service/state/store.ts";
import { clusterBody } from "./arm.ts";
import { DatabaseCalls } from "./databaseCalls.ts";
import { withFolder } from "./serviceProcess.ts";
import { ServiceWithEngines } from "./serviceWithEngines.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

const start = (folder: string): Promise<ServiceWithEngines> => ServiceWithEngines.start(folder, [new ProcessEngine()]);

/** Creates a cluster without nodes and one queued job, then stores more jobs like it. */
async function withJobs(folder: string, count: number, store: (store: Store, job: Job) => void): Promise<void> {
  const service = await start(folder);
  await service.arm.prepare(0);
  await service.create("seed", "true");
  await service.close();
  const opened = openStore(folder);
  const [seed] = opened.resources.list("jobs");
  if (!seed) throw new Error("the job is missing");
  opened.transaction(() => {
    for (let number = 0; number < count; number++) {
      const name = `job${String(number)}`;
      store(opened, { ...seed.model, id: seed.model.id.replace(/seed$/, name), name });
    }
  });
  opened.close();
}

const insert = (store: Store, model: Job) => {
  const parent = model.id.replace(/\/jobs\/.*/, "");
  return store.resources.insert("jobs", { id: model.id, parent, requestDigest: "", model });
};

async function costOfPuts(service: ServiceWithEngines): Promise<{ statements: number; rows: number }> {
  await service.create("warm-up", "true");
  return new DatabaseCalls().during(async () => {
    for (let number = 0; number < 10; number++) await service.create(`new${String(number)}`, "true");
  });
}

describe("the cost of creating a job", () => {
  it.each([1, 101])("does not depend on the length of the queue (jobs of %d nodes)", async (nodeCount) => {
    const costWith = async (count: number): Promise<number> => {
      return withFolder(async (folder) => {
        await withJobs(folder, count, (store, model) => {
          enqueue(store, insert(store, { ...model, nodeCount }));
        });
        const service = await start(folder);
        const { statements, rows } = await costOfPuts(service);
        await service.close();
        vi.restoreAllMocks();
        return statements + rows;
      });
    };
    expect(await costWith(4000)).toBeLessThanOrEqual(1.5 * (await costWith(20)));
  });

  it("does not depend on the number of clusters and their nodes", async () => {
    const costWith = async (clusterCount: number): Promise<number> => {
      return withFolder(async (folder) => {
        const service = await start(folder);
        await service.prepare(1);
        for (let number = 1; number < clusterCount; number++) {
          await service.arm.expect("PUT", service.arm.inWorkspace(`/clusters/c${String(number)}`), clusterBody(20));
        }
        const { statements, rows } = await costOfPuts(service);
        await service.close();
        vi.restoreAllMocks();
        return statements + rows;
      });
    };
    expect(await costWith(40)).toBeLessThanOrEqual(2 * (await costWith(1)));
  });
});

describe("a job", () => {
  it("takes less than two commits if many jobs run side by side", async () => {
    await withFolder(async (folder) => {
      const service = await start(folder);
      await service.prepare(8);
      const names = Array.from({ length: 40 }, (_, number) => `job${String(number)}`);
      const { commits } = await new DatabaseCalls().during(async () => {
        await Promise.all(names.map((name) => service.create(name, "true")));
        for (const name of names) await service.ended(name);
      });
      expect(commits / names.length).toBeLessThan(2);
      await service.close();
    });
  });
});

describe("the store", () => {
  it("finds everything by an index", async () => {
    await withFolder(async (folder) => {
      const calls = new DatabaseCalls();
      const service = await start(folder);
      await service.prepare(2);
      const scaleSettings = { autoScale: { minimumNodeCount: 0, maximumNodeCount: 2 } };
      await service.arm.expect("PUT", service.arm.inWorkspace("/clusters/auto"), clusterBody(0, { scaleSettings }));
      await service.create("ends", "true", { constraints: { maxWallClockTime: "PT1H" } });
      await service.create("auto", "true", { cluster: { id: service.arm.inWorkspace("/clusters/auto") } });
      await service.create("terminated", "sleep 600");
      await service.arm.expect("POST", `${service.arm.jobPath("terminated")}/terminate`);
      for (const name of ["ends", "auto", "terminated"]) await service.ended(name);
      for (const list of ["/clusters", "/experiments", "/experiments/exp/jobs"]) {
        await service.arm.expect("GET", service.arm.inWorkspace(list));
      }
      await service.arm.expect("DELETE", service.arm.inSubscription("/resourceGroups/group"));
      await service.close();
      vi.restoreAllMocks();
      expect(calls.texts.size).toBeGreaterThan(30);
      expect(scansOf(folder, calls.texts)).toEqual([]);
    });
  });
});

/** Statements that read a whole table or sort its rows. Those of the start of the service must read all IDs. */
function scansOf(folder: string, texts: Iterable<string>): string[] {
  const database = new DatabaseSync(join(folder, "batchai.db"));
  const ofStart = /^SELECT id FROM (runs|nodes)$|^SELECT 1 FROM secrets LIMIT 1$|WHERE memory = 0$/;
  const planned = [...texts].filter((text) => /^\s*(SELECT|UPDATE|DELETE)/.test(text) && !ofStart.test(text));
  const scans = planned.flatMap((text) => {
    try {
      const plan = database.prepare(`EXPLAIN QUERY PLAN ${text}`).all();
      const details = plan
        .map((row) => String(row.detail))
        .filter((detail) => /^SCAN [a-z]+$|TEMP B-TREE/.test(detail));
      return details.map((detail) => `${detail}: ${text}`);
    } catch {
      return []; // It belongs to another database: that of the files, or one in memory.
    }
  });
  database.close();
  return scans;
}

describe("many finished jobs", () => {
  it("do not make reading one, or the first page of the list, slower", async () => {
    const costWith = async (count: number): Promise<number> => {
      return withFolder(async (folder) => {
        await withJobs(folder, count, (store, model) => {
          markEnded(store, insert(store, model), undefined);
        });
        const service = await start(folder);
        const { statements, rows } = await new DatabaseCalls().during(async () => {
          await service.arm.job("job7");
          const list = service.arm.inWorkspace("/experiments/exp/jobs");
          await service.arm.send("GET", list, undefined, { query: "api-version=2018-05-01&maxresults=50" });
        });
        await service.close();
        vi.restoreAllMocks();
        return statements + rows;
      });
    };
    expect(await costWith(3000)).toBe(await costWith(100));
  });
});
