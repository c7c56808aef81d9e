import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { Surroundings, SurroundingsOptions } from "../../src/service/engines/engine.ts";
import { runsFolderOf } from "../../src/service/dataFolders.ts";
import { ProcessEngine } from "../../src/service/engines/local/processEngine.ts";
import { WrappedEngine } from "../engines/wrappedEngine.ts";
import { gaps } from "./gaps.ts";
import { withFolder } from "./serviceProcess.ts";
import { ServiceWithEngines } from "./serviceWithEngines.ts";
import { until } from "../until.ts";

const script = fileURLToPath(new URL("./crashingAtGap.ts", import.meta.url));

const processes = (dataDir: string): ProcessEngine => {
  return new ProcessEngine({ runsFolder: runsFolderOf(dataDir), gracePeriodInMs: 500 });
};

/** Prepares its runs only as far as a test allows. */
class GatedEngine extends WrappedEngine {
  preparations = 0;
  aborted = 0;
  #answer: () => Promise<Surroundings> = () => new Promise(() => undefined);

  override async surroundings(_needs: unknown, options?: SurroundingsOptions): Promise<Surroundings> {
    this.preparations++;
    options?.abortSignal?.addEventListener("abort", () => this.aborted++, { once: true });
    return this.#answer();
  }

  fail(code: string): void {
    this.#answer = () => Promise.reject(Object.assign(new Error(`${code}: made up`), { code }));
  }

  open(): void {
    this.#answer = () => this.inner.surroundings({});
  }
}

async function withGate(work: (service: ServiceWithEngines, engine: GatedEngine) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const engine = new GatedEngine(processes(folder));
    const service = await ServiceWithEngines.start(folder, [engine]);
    try {
      await service.prepare();
      await work(service, engine);
    } finally {
      await service.close();
    }
  });
}

describe("a crash in the start of a job", () => {
  it.each(gaps)("%s loses nothing and runs nothing twice", async (gap) => {
    await withFolder(async (folder) => {
      const dataDir = join(folder, "data");
      const first = await ServiceWithEngines.start(dataDir, [processes(dataDir)]);
      await first.prepare();
      await first.close();
      const attempts = join(folder, "attempts");
      const command = `echo attempt >> '${attempts}'; sleep 0.2; exit 7`;
      const crashing = spawn(process.execPath, [script, dataDir, gap, command], {
        stdio: ["ignore", "inherit", "inherit"],
      });
      const [, signal] = (await once(crashing, "exit")) as [unknown, unknown];
      expect(signal).toBe("SIGKILL");
      const second = await ServiceWithEngines.start(dataDir, [processes(dataDir)]);
      const job = await second.ended("job");
      await second.close();
      expect(job).toMatchObject({ executionState: "failed", executionInfo: { exitCode: 7 } });
      expect(await readFile(attempts, "utf8")).toBe("attempt\n");
    });
  });
});

describe("while the start of a job waits for something slow", () => {
  it("other requests are answered, and the job shows that it has its nodes", async () => {
    await withGate(async (service, engine) => {
      await service.create("job", "true");
      await until("it is being prepared", () => engine.preparations === 1);
      expect(await service.state("job")).toBe("running");
      await service.counts({ runningNodeCount: 1 });
      engine.open();
      await service.create("terminated", "true");
      await service.arm.expect("POST", `${service.arm.jobPath("job")}/terminate`);
      await service.ended("terminated");
    });
  });

  it("terminating it stops the preparation", async () => {
    await withGate(async (service, engine) => {
      await service.create("job", "touch ran");
      await until("it is being prepared", () => engine.preparations === 1);
      await service.arm.expect("POST", `${service.arm.jobPath("job")}/terminate`);
      const job = await service.ended("job");
      expect(job).toMatchObject({ executionState: "failed", executionInfo: { errors: [{ code: "JobTerminated" }] } });
      expect(engine.aborted).toBe(1);
      await service.counts({ idleNodeCount: 1 });
    });
  });

  it("deleting it stops the preparation, and nothing is left", async () => {
    await withGate(async (service, engine) => {
      await service.create("job", "touch ran");
      await until("it is being prepared", () => engine.preparations === 1);
      await service.arm.expect("DELETE", service.arm.jobPath("job"));
      await until("it is gone", async () => (await service.arm.send("GET", service.arm.jobPath("job"))).status === 404);
      expect(engine.aborted).toBe(1);
      await service.counts({ idleNodeCount: 1 });
    });
  });

  it("taking its node away puts it back into the queue", async () => {
    await withGate(async (service, engine) => {
      await service.create("job", "exit 3");
      await until("it is being prepared", () => engine.preparations === 1);
      const cluster = service.arm.inWorkspace("/clusters/nodes");
      const scaledTo = (count: number) => ({ properties: { scaleSettings: { manual: { targetNodeCount: count } } } });
      await service.arm.expect("PATCH", cluster, scaledTo(0));
      await service.untilState("job", /queued/);
      expect(engine.aborted).toBe(1);
      engine.open();
      await service.arm.expect("PATCH", cluster, scaledTo(1));
      expect(await service.ended("job")).toMatchObject({ executionInfo: { exitCode: 3 } });
    });
  });

  it("deleting the cluster whose node is being set up leaves nothing", async () => {
    await withFolder(async (folder) => {
      const engine = new GatedEngine(processes(folder));
      const service = await ServiceWithEngines.start(folder, [engine]);
      const setupTask = { commandLine: "true", stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT" };
      await service.arm.prepare(1, { nodeSetup: { setupTask } });
      await until("it is being set up", () => engine.preparations === 1);
      const cluster = service.arm.inWorkspace("/clusters/nodes");
      await service.arm.expect("DELETE", cluster);
      await until("it is gone", async () => (await service.arm.send("GET", cluster)).status === 404);
      expect(engine.aborted).toBe(1);
      await service.close();
      expect(await readdir(join(folder, "roots"))).toEqual([]);
    });
  });

  it("a clean stop of the service leaves it to the next start", async () => {
    await withFolder(async (folder) => {
      const engine = new GatedEngine(processes(folder));
      const first = await ServiceWithEngines.start(folder, [engine]);
      await first.prepare();
      await first.create("job", "exit 4");
      await until("it is being prepared", () => engine.preparations === 1);
      await first.close();
      const second = await ServiceWithEngines.start(folder, [processes(folder)]);
      expect(await second.ended("job")).toMatchObject({ executionInfo: { exitCode: 4 } });
      await second.close();
    });
  });
});

describe("a setup that fails", () => {
  it("for want of something is tried again", async () => {
    await withFolder(async (folder) => {
      const engine = new GatedEngine(processes(folder));
      engine.fail("ENOSPC");
      const service = await ServiceWithEngines.start(folder, [engine]);
      const setupTask = { commandLine: "true", stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT" };
      await service.arm.prepare(1, { nodeSetup: { setupTask } });
      await until("it was tried", () => engine.preparations === 1);
      await service.counts({ preparingNodeCount: 1 });
      engine.open();
      await service.counts({ idleNodeCount: 1 });
      await service.close();
    });
  });
});

describe("a start that fails", () => {
  it.each(["EMFILE", "ENOSPC", "ENOMEM"])("for want of something (%s) is tried again", async (code) => {
    await withGate(async (service, engine) => {
      engine.fail(code);
      await service.create("job", "exit 5");
      await until("it was tried", () => engine.preparations === 1);
      await service.untilState("job", /queued/);
      await service.counts({ idleNodeCount: 1 });
      await until("it was tried again", () => engine.preparations >= 2);
      engine.open();
      expect(await service.ended("job")).toMatchObject({ executionInfo: { exitCode: 5 } });
    });
  });

  it("for another reason ends the job with that reason", async () => {
    await withGate(async (service, engine) => {
      engine.fail("EACCES");
      await service.create("job", "true");
      const job = await service.ended("job");
      expect(job).toMatchObject({ executionInfo: { errors: [{ code: "FailedStartingProcess" }] } });
      expect(JSON.stringify(job.executionInfo)).toContain("permission denied");
      expect(engine.preparations).toBe(1);
    });
  });
});
