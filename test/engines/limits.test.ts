import { existsSync } from "node:fs";
import { mkdir, rmdir, utimes } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LaunchLimits, LaunchPlan, RunEnd, RunHandle } from "../../src/service/engines/engine.ts";
import { ownGroup } from "../../src/service/engines/local/limits/ownGroup.ts";
import { versionOneGroups } from "../../src/service/engines/local/limits/versionOneGroups.ts";
import { thisMachine } from "../../src/service/engines/local/limits/limitWays.ts";
import type { ProcessEngine } from "../../src/service/engines/local/processEngine.ts";
import { startAndCrash } from "./crash.ts";
import { makeEngine } from "./processFactory.ts";
import { until } from "../until.ts";
import { textOf, Workplace } from "./workplace.ts";

const factory = new URL("./processFactory.ts", import.meta.url);
const memoryInBytes = 64 * 1024 ** 2;
const outOfMemory = { limitInBytes: memoryInBytes };
/** Uses more memory than any limit in these tests. */
const hog = "exec tail /dev/zero";

let workplace: Workplace;
let engine: ProcessEngine;
let started: RunHandle[];

beforeEach(async () => {
  started = [];
  workplace = await Workplace.make();
  engine = makeEngine(workplace.runs);
});

afterEach(async () => {
  await Promise.all(started.map((handle) => engine.stop(handle)));
  await engine.close();
  const left = workplace.processes();
  await workplace.remove();
  expect(left).toEqual([]);
});

function planOf(command: string | readonly string[], limits: LaunchLimits): LaunchPlan {
  const commands = typeof command === "string" ? [command] : command;
  return workplace.plan({ commands, plan: { limits } });
}

async function start(plan: LaunchPlan): Promise<RunHandle> {
  await engine.reserve(plan);
  const handle = engine.handleFor(plan);
  started.push(handle);
  await engine.start(plan, { environment: {} }, handle);
  return handle;
}

async function run(plan: LaunchPlan): Promise<RunEnd> {
  return engine.wait(await start(plan));
}

const logOf = (plan: LaunchPlan): Promise<string> => workplace.read(plan, "execution-node0.log");

const versionOne = versionOneGroups(thisMachine("/bin/bash"));
const lacks = versionOne?.limitsMemory && versionOne.limitsCores ? undefined : "root and cgroup version 1 are needed";
const mustRun = process.env.BATCHAI_TEST_LIMITS === "1";
const title = "limits by control groups of version 1, for real";

describe.skipIf(lacks !== undefined && !mustRun)(lacks === undefined ? title : `${title}: ${lacks}`, () => {
  /** Folders of the groups of a run that exist. */
  function groupsOf({ runId }: LaunchPlan): string[] {
    const parents = ["memory", "cpu"].map((controller) => ownGroup("/proc", controller)?.folder ?? "");
    return parents.map((parent) => join(parent, `batchai-${runId}`)).filter((folder) => existsSync(folder));
  }

  it("limits memory and cores of all processes of a run together", async () => {
    const show = `grep -h batchai /proc/self/cgroup; echo "$SHLVL" > shell; ${workplace.gate("go")}`;
    const plan = planOf([show, show], { memoryInBytes, cores: 1.5 });
    const handle = await start(plan);
    const outputs = (): Promise<string[]> => {
      return Promise.all(["stdout-proc0.txt", "stdout-proc1.txt"].map((file) => workplace.read(plan, file)));
    };
    await until("both processes show their groups", async () => {
      return (await outputs()).every((output) => output.split("\n").length === 3);
    });
    const [memory = "", cpu = ""] = groupsOf(plan);
    expect(textOf(join(memory, "memory.limit_in_bytes"))).toBe(`${memoryInBytes}\n`);
    expect(textOf(join(cpu, "cpu.cfs_quota_us"))).toBe("150000\n");
    expect(textOf(join(cpu, "cgroup.procs")).split("\n").length).toBeGreaterThan(3);
    const [first, second] = await outputs();
    expect(second).toBe(first);
    await workplace.open("go");
    expect(await engine.wait(handle)).toEqual({ kind: "exited", phase: "processes", exitCode: 0 });
    expect(await logOf(plan)).not.toContain("limit");
    await engine.cleanUp(handle);
    expect(groupsOf(plan)).toEqual([]);
  });

  it("throttles a run that wants more cores", async () => {
    const parent = ownGroup("/proc", "cpu")?.folder ?? "";
    const throttled = `grep -q 'nr_throttled [1-9]' '${parent}'/batchai-$BATCHAI_RUN_ID/cpu.stat`;
    expect(await run(planOf(`until ${throttled}; do :; done`, { cores: 0.1 }))).toMatchObject({ exitCode: 0 });
  });

  it("reports a job that was killed for lack of memory, with the exit code of bash", async () => {
    const plan = planOf(hog, { memoryInBytes });
    const end = await run(plan);
    expect(end).toMatchObject({ kind: "exited", phase: "processes", exitCode: 137, outOfMemory });
    expect(await logOf(plan)).toContain("because it had reached its memory limit of 64 MiB.");
    await until("its groups are removed", () => groupsOf(plan).length === 0);
  });

  it("reports the preparation and any of several processes too", async () => {
    const prepared = workplace.plan({ commands: ["true"], preparation: [hog], plan: { limits: { memoryInBytes } } });
    expect(await run(prepared)).toMatchObject({ phase: "preparation", exitCode: 137, outOfMemory });
    const end = await run(planOf(["sleep 60", hog], { memoryInBytes }));
    expect(end).toMatchObject({ exitCode: 137, process: { name: "proc 1" }, outOfMemory });
  });

  it("says nothing of memory if the run succeeds although a child was killed", async () => {
    const succeeded = await run(planOf(`(${hog}); true`, { memoryInBytes }));
    expect(succeeded).toEqual({ kind: "exited", phase: "processes", exitCode: 0 });
    const failed = await run(planOf("exit 137", { memoryInBytes }));
    expect(failed).not.toHaveProperty("outOfMemory");
  });

  it("keeps the supervisor alive among many processes that use little each", async () => {
    const plan = planOf("for i in {1..12}; do head -c 10M /dev/zero | tail & done; wait; exit 9", { memoryInBytes });
    expect(await run(plan)).toMatchObject({ kind: "exited", exitCode: 9, outOfMemory });
  });

  it("reports a run whose supervisor was killed for lack of memory, after a restart too", async () => {
    // A job can make its supervisor the first victim: the others use less than the limit each.
    const sacrifice = "echo 1000 > /proc/$PPID/oom_score_adj; echo 0 > /proc/self/oom_score_adj; ";
    const grow = "for i in 1 2 3; do head -c 40M /dev/zero | tail & done; sleep 60";
    const plan = planOf(sacrifice + grow, { memoryInBytes });
    const handle = await start(plan);
    const end = await engine.wait(handle);
    expect(end).toMatchObject({ kind: "failed", code: "OutOfMemory" });
    expect(end).toHaveProperty("message", expect.stringContaining("memory limit of 64 MiB"));
    await until("its groups are removed", () => groupsOf(plan).length === 0);
    await engine.cleanUp(handle);

    const recovered = planOf(`${sacrifice + workplace.gate("grow")}; ${grow}`, { memoryInBytes });
    await startAndCrash(factory, workplace, [recovered]);
    const claim = (): string => textOf(join(recovered.runDirectory, "claim"));
    await until("the run is claimed", () => claim().endsWith("\n"));
    await workplace.open("grow");
    await until("its supervisor is killed", () => textOf(`/proc/${claim().trim()}/cmdline`) === "");
    expect(await engine.recover(engine.handleFor(recovered))).toMatchObject({ end: { code: "OutOfMemory" } });
  });

  it("reports a run that was killed while no service was there", async () => {
    const plan = planOf(`${workplace.gate("go")}; ${hog}`, { memoryInBytes });
    await startAndCrash(factory, workplace, [plan]);
    await workplace.open("go");
    await until("the run has ended", () => textOf(join(plan.runDirectory, "exit.json")).endsWith("\n"));
    const handle = engine.handleFor(plan);
    const state = await engine.recover(handle);
    expect(state).toMatchObject({ kind: "ended", end: { exitCode: 137, outOfMemory } });
    expect(await engine.wait(handle)).toMatchObject({ outOfMemory });
    await engine.cleanUp(handle);
    expect(groupsOf(plan)).toEqual([]);
  });

  it("removes the groups of a run with a background process that does not want to end", async () => {
    const plan = planOf("(trap '' TERM; setsid -f bash -c 'trap \"\" TERM; sleep 60; sleep 60'); exit 0", {
      memoryInBytes,
    });
    expect(await run(plan)).toMatchObject({ exitCode: 0 });
    await until("its groups are removed", () => groupsOf(plan).length === 0);
  });

  it("removes the groups that a job has made below its own", async () => {
    const plan = planOf(workplace.gate("go"), { memoryInBytes, cores: 1 });
    const handle = await start(plan);
    await until("its groups exist", () => groupsOf(plan).length === 2);
    for (const folder of groupsOf(plan)) await mkdir(join(folder, "a/b"), { recursive: true });
    await workplace.open("go");
    expect(await engine.wait(handle)).toMatchObject({ exitCode: 0 });
    await until("its groups are removed", () => groupsOf(plan).length === 0);
  });

  it("removes old groups of runs that no longer exist, and nothing else", async () => {
    const parent = ownGroup("/proc", "memory")?.folder ?? "";
    const [stale, young, other] = [randomUUID(), randomUUID(), `test-${randomUUID()}`];
    const folders = [stale, young, other].map((name) => join(parent, `batchai-${name}`));
    for (const folder of folders) await mkdir(folder);
    const longAgo = new Date(Date.now() - 3_600_000);
    for (const folder of [folders[0], folders[2]]) await utimes(folder ?? "", longAgo, longAgo);
    await engine.probe();
    const left = folders.filter((folder) => existsSync(folder));
    for (const folder of left) await rmdir(folder);
    expect(left).toEqual(folders.slice(1));
  });

  it("runs a job without its limits if its group cannot have them", async () => {
    const tooFew = planOf("true", { memoryInBytes: -5 });
    expect(await run(tooFew)).toEqual({ kind: "exited", phase: "processes", exitCode: 0 });
    expect(await logOf(tooFew)).toMatch(
      /The limits cannot be enforced with a control group \(cgroup version 1\): .*\n/,
    );
    expect(await logOf(tooFew)).toContain("is not enforced: the service may not use a control group for it.");
    expect(groupsOf(tooFew)).toEqual([]);
  });
});
