import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type {
  EngineProbe,
  LaunchPlan,
  LaunchSecrets,
  RunEnd,
  RunHandle,
  WaitOptions,
} from "../../src/service/engines/engine.ts";
import { runsFolderOf } from "../../src/service/dataFolders.ts";
import { ContainerEngine } from "../../src/service/engines/docker/containerEngine.ts";
import { ProcessEngine } from "../../src/service/engines/local/processEngine.ts";
import { openStore } from "../../src/service/state/store.ts";
import { FakeDaemon } from "../engines/fakeDaemon.ts";
import { WrappedEngine } from "../engines/wrappedEngine.ts";
import { QueueingEngine } from "../engines/queueingEngine.ts";
import { withFolder } from "./serviceProcess.ts";
import { ServiceWithEngines } from "./serviceWithEngines.ts";
import { until } from "../until.ts";

const processes = (dataDir: string): ProcessEngine => {
  return new ProcessEngine({ runsFolder: runsFolderOf(dataDir), gracePeriodInMs: 500 });
};

/** What the store knows about the run of a job. */
const runOf = (folder: string, jobKey: string) => {
  const store = openStore(folder);
  try {
    const run = store.runs.alive(jobKey.toLowerCase());
    return { run, addresses: run?.addresses };
  } finally {
    store.close();
  }
};

describe("an engine with a queue of its own", () => {
  it("keeps a job queued, with the reason, until it has started it", async () => {
    await withFolder(async (folder) => {
      const service = await ServiceWithEngines.start(folder, [new QueueingEngine(processes(folder), false)]);
      await service.prepare(2);
      await service.create("job", "exit 4", { constraints: { maxWallClockTime: "PT1H" } });
      const key = service.arm.jobPath("job");
      await until("the engine has it", () => runOf(folder, key).run?.waiting === "All machines are busy.");
      const waiting = await service.arm.job("job");
      expect(waiting).toMatchObject({ executionState: "queued" });
      expect(waiting.batchai).toEqual({
        waitingFor: {
          code: "NoFreeNode",
          message: "All machines are busy.",
          since: waiting.executionStateTransitionTime,
        },
      });
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
      const service = await ServiceWithEngines.start(folder, [new QueueingEngine(processes(folder), false)]);
      await service.prepare(1);
      await service.create("job", "sleep 600", { constraints: { maxWallClockTime: "PT2H" } });
      const key = service.arm.jobPath("job");
      await until("the engine has it", () => runOf(folder, key).run?.waiting !== undefined);
      await QueueingEngine.open(join(folder, "runs", runOf(folder, key).run?.id ?? ""));
      await service.untilState("job", /running/);
      const { run, addresses } = runOf(folder, key);
      expect(run?.waiting).toBeUndefined();
      expect(run?.deadline).toBeGreaterThan(Date.now() + 3_600_000);
      expect(addresses).toEqual(["10.0.0.1"]);
      await service.arm.expect("POST", `${key}/terminate`);
      await service.ended("job");

      // The next run on the node does not inherit them.
      await service.create("next", `echo $AZ_BATCH_HOST_LIST > '${join(folder, "hosts")}'`);
      const next = service.arm.jobPath("next");
      await until("the engine has it", () => runOf(folder, next).run?.waiting !== undefined);
      await QueueingEngine.open(join(folder, "runs", runOf(folder, next).run?.id ?? ""));
      await service.ended("next");
      expect(await readFile(join(folder, "hosts"), "utf8")).toBe("127.0.0.1\n");
      await service.close();
    });
  });

  it("lets a waiting job be terminated, and found again after a restart", async () => {
    await withFolder(async (folder) => {
      const first = await ServiceWithEngines.start(folder, [new QueueingEngine(processes(folder), false)]);
      await first.prepare(1);
      await first.create("job", "exit 1");
      const key = first.arm.jobPath("job");
      await until("the engine has it", () => runOf(folder, key).run?.waiting !== undefined);
      await first.close();
      const second = await ServiceWithEngines.start(folder, [new QueueingEngine(processes(folder), false)]);
      expect(await second.state("job")).toBe("queued");
      await second.arm.expect("POST", `${key}/terminate`);
      expect(await second.ended("job")).toMatchObject({ executionInfo: { errors: [{ code: "JobTerminated" }] } });
      await second.counts({ idleNodeCount: 1 });
      await second.close();
    });
  });
});

describe("the time limit of a job", () => {
  /** An engine that prepares a run only when the test opens it. */
  class SlowEngine extends WrappedEngine {
    open: () => void = () => undefined;
    readonly #opened = new Promise<void>((resolve) => (this.open = resolve));

    override async reserve(plan: LaunchPlan): Promise<void> {
      await this.#opened;
      await this.inner.reserve(plan);
    }
  }

  /** An engine that starts a container only when the test opens it. */
  class SlowStartEngine extends WrappedEngine {
    open: () => void = () => undefined;
    readonly #opened = new Promise<void>((resolve) => (this.open = resolve));

    override async start(plan: LaunchPlan, secrets: LaunchSecrets, handle: RunHandle): Promise<void> {
      await this.#opened;
      await this.inner.start(plan, secrets, handle);
    }
  }

  it("begins when the container has started, also if the service is killed right after that", async () => {
    await withFolder(async (folder) => {
      const daemon = new FakeDaemon(folder);
      await daemon.listen();
      const containers = (): ContainerEngine => {
        const options = { runsFolder: runsFolderOf(folder), serviceId: "limit", containerEngine: daemon.address };
        return new ContainerEngine({ ...options, gracePeriodInMs: 500 });
      };
      const engine = new SlowStartEngine(containers());
      const first = await ServiceWithEngines.start(folder, [processes(folder), engine]);
      await first.prepare(1);
      const containerSettings = { imageSourceRegistry: { image: "test/image:1" } };
      await first.create("job", "sleep 600", { containerSettings, constraints: { maxWallClockTime: "PT1H" } });
      const key = first.arm.jobPath("job");
      await until("it is prepared", () => runOf(folder, key).run?.handle !== undefined);
      expect(runOf(folder, key).run?.deadline).toBeUndefined();
      engine.open();
      await until("it has started", () => runOf(folder, key).run?.deadline !== undefined);
      const deadline = runOf(folder, key).run?.deadline ?? NaN;
      await first.close();

      const store = openStore(folder);
      store.runs.setDeadline(runOf(folder, key).run?.id ?? "", undefined);
      store.close();
      const second = await ServiceWithEngines.start(folder, [processes(folder), containers()]);
      await until("the limit is known again", () => runOf(folder, key).run?.deadline !== undefined);
      expect(Math.abs((runOf(folder, key).run?.deadline ?? NaN) - deadline)).toBeLessThan(1000);
      await second.arm.expect("POST", `${key}/terminate`);
      await second.ended("job");
      await second.close();
      await daemon.close();
    });
  });

  it("begins when the run is prepared", async () => {
    await withFolder(async (folder) => {
      const engine = new SlowEngine(processes(folder));
      const service = await ServiceWithEngines.start(folder, [engine]);
      await service.prepare(1);
      await service.create("job", "sleep 600", { constraints: { maxWallClockTime: "PT1H" } });
      const key = service.arm.jobPath("job");
      await until("it has a node", () => runOf(folder, key).run !== undefined);
      const before = runOf(folder, key).run?.deadline ?? NaN;
      await until("the clock goes on", () => Date.now() > before - 3_600_000 + 50);
      engine.open();
      await until("it is prepared", () => runOf(folder, key).run?.handle !== undefined);
      expect(runOf(folder, key).run?.deadline).toBeGreaterThan(before);
      await service.arm.expect("POST", `${key}/terminate`);
      await service.ended("job");
      await service.close();
    });
  });
});

/** An engine whose probe and other steps a test spoils. */
class SpoiledEngine extends WrappedEngine {
  usable = true;
  starts = 0;
  failingStops = 0;
  stops = 0;
  neverStarts = false;

  override async probe(): Promise<EngineProbe> {
    return this.usable ? this.inner.probe() : { usable: false, description: "It is down." };
  }

  override async start(plan: LaunchPlan, secrets: LaunchSecrets, handle: RunHandle): Promise<void> {
    this.starts++;
    if (!this.neverStarts) await this.inner.start(plan, secrets, handle);
  }

  override wait(handle: RunHandle, options?: WaitOptions): Promise<RunEnd> {
    return this.neverStarts ? Promise.resolve({ kind: "notStarted" }) : this.inner.wait(handle, options);
  }

  override stop(handle: RunHandle): Promise<void> {
    return this.stops++ < this.failingStops ? Promise.reject(new Error("made up")) : this.inner.stop(handle);
  }
}

describe("several engines", () => {
  it("are asked in their order, and one that is down keeps its runs", async () => {
    await withFolder(async (folder) => {
      const gate = join(folder, "gate");
      const first = await ServiceWithEngines.start(folder, [
        new QueueingEngine(processes(folder), true),
        processes(folder),
      ]);
      await first.prepare(2);
      await first.create("old", `until [ -e ${gate} ]; do sleep 0.05; done; exit 3`);
      await first.untilState("old", /running/);
      await first.close();

      const down = new SpoiledEngine(new QueueingEngine(processes(folder), true));
      down.usable = false;
      const second = await ServiceWithEngines.start(folder, [down, processes(folder)]);
      await second.create("new", "exit 4");
      expect(await second.ended("new")).toMatchObject({ executionInfo: { exitCode: 4 } });
      expect(down.starts).toBe(0);
      expect(await second.state("old")).toBe("running");
      await writeFile(gate, "");
      expect(await second.ended("old")).toMatchObject({ executionInfo: { exitCode: 3 } });
      await second.close();
    });
  });

  it("that object all say why, and are probed again when a job needs them", async () => {
    await withFolder(async (folder) => {
      const containers = new SpoiledEngine(new QueueingEngine(processes(folder), true));
      containers.usable = false;
      const service = await ServiceWithEngines.start(folder, [containers, processes(folder)]);
      await service.prepare(1);
      const containerSettings = { imageSourceRegistry: { image: "ubuntu" } };
      await service.create("refused", "true", { containerSettings });
      const { executionInfo } = await service.ended("refused");
      expect(executionInfo).toMatchObject({ errors: [{ code: "FailedStartingContainer" }] });
      expect(JSON.stringify(executionInfo)).toMatch(/It is down\. .*only a container engine/);
      containers.usable = true;
      await service.create("accepted", "true", { containerSettings });
      await until("the engine has it", () => containers.starts === 1);
      await service.ended("accepted");
      await service.close();
    });
  });
});

describe("an engine that fails", () => {
  it("to start a run for the moment is not asked again at once", async () => {
    await withFolder(async (folder) => {
      const engine = new SpoiledEngine(processes(folder));
      engine.neverStarts = true;
      const service = await ServiceWithEngines.start(folder, [engine]);
      await service.prepare(1);
      await service.create("job", "exit 2");
      const begin = performance.now();
      await until("it was started three times", () => engine.starts >= 3);
      expect(performance.now() - begin).toBeGreaterThan(1500);
      engine.neverStarts = false;
      expect(await service.ended("job")).toMatchObject({ executionInfo: { exitCode: 2 } });
      await service.close();
    });
  });

  it("to stop a run is asked again", async () => {
    await withFolder(async (folder) => {
      const engine = new SpoiledEngine(processes(folder));
      engine.failingStops = 2;
      const service = await ServiceWithEngines.start(folder, [engine]);
      await service.prepare(1);
      await service.create("job", "sleep 600");
      await service.untilState("job", /running/);
      await until("it was started", () => engine.starts === 1);
      await service.arm.expect("POST", `${service.arm.jobPath("job")}/terminate`);
      expect(await service.ended("job")).toMatchObject({ executionInfo: { errors: [{ code: "JobTerminated" }] } });
      expect(engine.stops).toBe(3);
      await service.close();
    });
  });
});

describe("an engine that is not part of the service any more", () => {
  it.each([false, true])("ends its runs as lost (a stop was requested: %s)", async (terminated) => {
    await withFolder(async (folder) => {
      const engine = new QueueingEngine(processes(folder), false);
      const first = await ServiceWithEngines.start(folder, [engine]);
      await first.prepare(1);
      await first.create("job", "sleep 600");
      await first.untilState("job", /queued/);
      const store = openStore(folder);
      await until(
        "it has a handle",
        () => store.runs.alive(first.arm.jobPath("job").toLowerCase())?.handle !== undefined,
      );
      await first.close();
      const run = store.runs.alive(first.arm.jobPath("job").toLowerCase());
      if (terminated) store.runs.requestStop(run?.id ?? "", "terminated");
      store.close();
      const second = await ServiceWithEngines.start(folder, [processes(folder)]);
      expect(await second.ended("job")).toMatchObject({ executionInfo: { errors: [{ code: "RunLost" }] } });
      await second.counts({ idleNodeCount: 1 });
      await second.close();
      // Nothing that this test started stays behind.
      const cleaner = new QueueingEngine(processes(folder), false);
      if (run?.handle) await cleaner.stop(run.handle);
      await cleaner.close();
    });
  });
});
