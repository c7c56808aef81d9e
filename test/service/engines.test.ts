import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ProcessEngine } from "../../src/service/engines/local/processEngine.ts";
import { openStore } from "../../src/service/state/store.ts";
import { QueueingEngine } from "../engines/queueingEngine.ts";
import { withFolder } from "./serviceProcess.ts";
import { ServiceWithEngines } from "./serviceWithEngines.ts";
import { until } from "./until.ts";

const processes = (): ProcessEngine => new ProcessEngine({ gracePeriodInMs: 500 });

describe("an engine with a queue of its own", () => {
  /** What the store knows about the run of a job. */
  const runOf = (folder: string, jobKey: string) => {
    const store = openStore(folder);
    try {
      const run = store.runs.alive(jobKey.toLowerCase());
      return { run, addresses: run?.nodes.map((id) => store.nodes.find(id)?.machine.address) };
    } finally {
      store.close();
    }
  };

  it("keeps a job queued, with the reason, until it has started it", async () => {
    await withFolder(async (folder) => {
      const service = await ServiceWithEngines.start(folder, [new QueueingEngine(processes(), false)]);
      await service.prepare(2);
      await service.create("job", "exit 4", { constraints: { maxWallClockTime: "PT1H" } });
      const key = service.arm.jobPath("job");
      await until("the engine has it", () => runOf(folder, key).run?.waiting === "All machines are busy.");
      const waiting = await service.arm.job("job");
      expect(waiting).toMatchObject({ executionState: "queued" });
      expect(waiting.executionInfo).toBeUndefined();
      const { run } = runOf(folder, key);
      expect(run?.deadline).toBeUndefined();
      await service.counts({ runningNodeCount: 1, idleNodeCount: 1 });

      const before = Date.now();
      await QueueingEngine.open(join(folder, "runs", run?.id ?? ""));
      await service.untilState("job", /running|failed/);
      const job = await service.ended("job");
      const info = job.executionInfo as { startTime: string; exitCode: number };
      expect(info.exitCode).toBe(4);
      expect(Date.parse(info.startTime)).toBeGreaterThanOrEqual(before - 1000);
      await service.close();
    });
  });

  it("decides the start time, the deadline and the addresses of the nodes", async () => {
    await withFolder(async (folder) => {
      const service = await ServiceWithEngines.start(folder, [new QueueingEngine(processes(), false)]);
      await service.prepare(1);
      await service.create("job", "sleep 600", { constraints: { maxWallClockTime: "PT2H" } });
      const key = service.arm.jobPath("job");
      await until("the engine has it", () => runOf(folder, key).run?.waiting !== undefined);
      await QueueingEngine.open(join(folder, "runs", runOf(folder, key).run?.id ?? ""));
      await service.untilState("job", /running/);
      const { run, addresses } = runOf(folder, key);
      expect(run?.waiting).toBeUndefined();
      expect(run?.deadline?.getTime()).toBeGreaterThan(Date.now() + 3_600_000);
      expect(addresses).toEqual(["10.0.0.1"]);
      await service.arm.expect("POST", `${key}/terminate`);
      await service.ended("job");
      await service.close();
    });
  });

  it("lets a waiting job be terminated, and found again after a restart", async () => {
    await withFolder(async (folder) => {
      const first = await ServiceWithEngines.start(folder, [new QueueingEngine(processes(), false)]);
      await first.prepare(1);
      await first.create("job", "exit 1");
      const key = first.arm.jobPath("job");
      await until("the engine has it", () => runOf(folder, key).run?.waiting !== undefined);
      await first.close();
      const second = await ServiceWithEngines.start(folder, [new QueueingEngine(processes(), false)]);
      expect(await second.state("job")).toBe("queued");
      await second.arm.expect("POST", `${key}/terminate`);
      expect(await second.ended("job")).toMatchObject({ executionInfo: { errors: [{ code: "JobTerminated" }] } });
      await second.counts({ idleNodeCount: 1 });
      await second.close();
    });
  });
});

describe("an engine that is not part of the service any more", () => {
  it.each([false, true])("ends its runs as lost (terminated: %s)", async (terminated) => {
    await withFolder(async (folder) => {
      const engine = new QueueingEngine(processes(), false);
      const first = await ServiceWithEngines.start(folder, [engine]);
      await first.prepare(1);
      await first.create("job", "sleep 600");
      await first.untilState("job", /queued/);
      const store = openStore(folder);
      await until(
        "it has a handle",
        () => store.runs.alive(first.arm.jobPath("job").toLowerCase())?.handle !== undefined,
      );
      const handle = store.runs.alive(first.arm.jobPath("job").toLowerCase())?.handle;
      store.close();
      if (terminated) await first.arm.expect("POST", `${first.arm.jobPath("job")}/terminate`);
      else await first.close();
      if (terminated) await first.close();
      const second = await ServiceWithEngines.start(folder, [processes()]);
      const job = await second.ended("job");
      if (!terminated) expect(job).toMatchObject({ executionInfo: { errors: [{ code: "RunLost" }] } });
      await second.counts({ idleNodeCount: 1 });
      await second.close();
      // Nothing that this test started stays behind.
      const cleaner = new QueueingEngine(processes(), false);
      if (handle) await cleaner.stop(handle);
      await cleaner.close();
    });
  });
});
