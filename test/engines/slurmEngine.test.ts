import { existsSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LaunchPlan, RunEnd, RunHandle, RunState } from "../../src/service/engines/engine.ts";
import { SlurmEngine } from "../../src/service/engines/slurm/slurmEngine.ts";
import { FakeSlurm, type Misbehavior } from "../slurm/fakeSlurm.ts";
import type { FakeJob } from "../slurm/fakeJob.ts";
import { until } from "../until.ts";
import { Workplace } from "./workplace.ts";

let fake: FakeSlurm;
let workplace: Workplace;
let engine: SlurmEngine;

/** Short times, so that a test sees the end of each. */
const periods = {
  silenceLimitInMs: 1500,
  exitPeriodInMs: 300,
  scriptPeriodInMs: 500,
  wordPeriodInMs: 1000,
  searchPeriodInMs: 400,
};

function makeEngine(changes: Partial<typeof periods> = {}, lookIntervalInMs = 50): SlurmEngine {
  return new SlurmEngine({
    runsFolder: workplace.runs,
    serviceId: "test",
    environment: { ...process.env, ...fake.environment },
    intervalInMs: 50,
    longestIntervalInMs: 200,
    limitInMs: 1000,
    lookIntervalInMs,
    gracePeriodInMs: 300,
    finishPeriodInMs: 1000,
    periods: { ...periods, ...changes },
  });
}

beforeEach(async () => {
  fake = await FakeSlurm.open();
  workplace = await Workplace.make(() => ({ allocation: { gpusPerNode: 0, coresPerNode: 1 } }));
  engine = makeEngine();
});

afterEach(async () => {
  await engine.close();
  await fake.close();
  await workplace.remove();
});

/** The next process of the service, over the same folder. */
async function restart(changes: Partial<typeof periods> = {}, lookIntervalInMs?: number): Promise<void> {
  await engine.close();
  engine = makeEngine(changes, lookIntervalInMs);
}

const line = 'echo once >> "$WORKPLACE/runs.txt"';
const endless = `${line}; exec sleep 600`;

/** Number of times that a command has run. */
const timesRun = async (): Promise<number> =>
  existsSync(join(workplace.folder, "runs.txt"))
    ? (await readFile(join(workplace.folder, "runs.txt"), "utf8")).split("\n").length - 1
    : 0;

interface Started {
  readonly plan: LaunchPlan;
  readonly handle: RunHandle;
  readonly states: RunState[];
  readonly end: Promise<RunEnd>;
  readonly starting: Promise<void>;
}

/** Starts a run, and does not wait until Slurm has it. */
async function begin(command = line): Promise<Started> {
  const plan = workplace.plan(command);
  await engine.reserve(plan);
  const handle = engine.handleFor(plan);
  const starting = engine.start(plan, { environment: {} }, handle);
  starting.catch(() => undefined);
  const states: RunState[] = [];
  const end = engine.wait(handle, { onState: (state) => states.push(state) });
  end.catch(() => undefined);
  return { plan, handle, states, end, starting };
}

async function submitted(command = line): Promise<Started & { readonly job: FakeJob }> {
  const run = await begin(command);
  await run.starting;
  return { ...run, job: fake.job(String(run.handle.name)) };
}

/** A run whose command is running. */
async function running(command = endless): Promise<Started & { readonly job: FakeJob }> {
  const run = await submitted(command);
  fake.start(run.job);
  await until("it runs", () => run.states.at(-1)?.kind === "running");
  await until("its command runs", async () => (await timesRun()) > 0);
  return run;
}

const wait = (handle: RunHandle, states: RunState[] = []): Promise<RunEnd> =>
  engine.wait(handle, { onState: (state) => states.push(state) });
const succeeded = { kind: "exited", exitCode: 0 };

describe("a failure of sbatch", () => {
  const timedOut = "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation\n";

  it.each<[string, Misbehavior]>([
    ["after Slurm has accepted the job", { stderr: timedOut, code: 1 }],
    ["by a hang after Slurm has accepted the job", { hangs: true }],
    ["by words that nobody can read", { stdout: (): string => "\u0000\u001B[31m???" }],
    ["by a killed program", { stdout: (): string => "", code: 137 }],
    ["by a refusal that is none", { stderr: "sbatch: error: invalid partition specified: x\n", code: 1 }],
  ])("%s does not lead to a second submit", async (_, misbehavior) => {
    fake.misbehave("sbatch", misbehavior);
    const { job, end } = await submitted();
    fake.start(job);
    expect(await end).toMatchObject(succeeded);
    expect(fake.callsOf("sbatch")).toHaveLength(1);
    expect(await timesRun()).toBe(1);
  });

  it("after which the job runs at once, and is never listed, is no failure", async () => {
    fake.startsJobs = true;
    fake.misbehave("sbatch", { stderr: timedOut, code: 1 });
    const run = await begin(endless);
    await until("it runs", async () => (await timesRun()) === 1);
    fake.forget(fake.job(String(run.handle.name)));
    await run.starting;
    await until("the engine sees it", () => run.states.at(-1)?.kind === "running");
    expect(fake.callsOf("sbatch")).toHaveLength(1);
  });

  it("that Slurm has not accepted leaves the run free to start under another ID", async () => {
    fake.misbehave("sbatch", { isCarriedOut: false, stderr: timedOut, code: 1 });
    const { end } = await begin();
    expect(await end).toMatchObject({
      kind: "notStarted",
      reason: expect.stringContaining("Socket timed out") as string,
    });
    expect(fake.callsOf("squeue").length).toBeGreaterThanOrEqual(3);
  });

  it("that refuses the job ends it with the words of Slurm", async () => {
    const stderr =
      "sbatch: error: invalid partition specified: lab\nsbatch: error: Batch job submission failed: Invalid partition name specified\n";
    fake.misbehave("sbatch", { isCarriedOut: false, stderr, code: 1 });
    const { end } = await begin();
    expect(await end).toMatchObject({
      kind: "failed",
      code: "FailedStartingProcess",
      message: expect.stringContaining("invalid partition specified: lab") as string,
    });
  });

  it("that comes late finds the claim withdrawn, and ends at once", async () => {
    fake.misbehave("sbatch", { isCarriedOut: false, stderr: timedOut, code: 1 });
    const { end, handle, plan } = await begin();
    expect(await end).toMatchObject({ kind: "notStarted" });
    const folder = join(workplace.runs, plan.runId);
    const script = await readFile(join(folder, "slurm.sh"), "utf8");
    const late = fake.add({ name: String(handle.name), script, args: [folder, plan.runId, "", "node0"], folder: "/" });
    fake.start(late);
    await until("it has ended", () => late.state === "COMPLETED");
    expect(await timesRun()).toBe(0);
  });

  it("while the controller is down lasts until it is back", async () => {
    fake.isDown = true;
    const run = await begin();
    await delay(1500);
    expect(run.states).toEqual([{ kind: "waiting" }]);
    expect(fake.callsOf("sbatch")).toHaveLength(1);
    fake.isDown = false;
    expect(await run.end).toMatchObject({ kind: "notStarted" });
  });
});

describe("squeue", () => {
  it.each([
    ["a banner", (output: string) => `Welcome to the cluster!\n${output}`],
    ["garbage", () => "\u0001\u0002|||RUNNING\n"],
    ["a truncated line", (output: string) => output.slice(0, -20)],
    ["nothing", () => ""],
  ])("that prints %s does not end a run", async (_, stdout) => {
    const run = await running(`${line}; ${workplace.gate("go")}`);
    fake.misbehave("squeue", { stdout }, 1000);
    await delay(1000);
    expect(run.states.at(-1)).toMatchObject({ kind: "running" });
    await workplace.open("go");
    fake.behave();
    expect(await run.end).toMatchObject(succeeded);
  });

  it("that prints a truncated list does not end a run that waits", async () => {
    const run = await submitted();
    fake.misbehave("squeue", { stdout: (output) => output.slice(0, -20) }, 1000);
    await delay(1000);
    fake.behave();
    fake.start(run.job);
    expect(await run.end).toMatchObject(succeeded);
    expect(fake.callsOf("sbatch")).toHaveLength(1);
  });

  it("that does not list a run that lives does not end it", async () => {
    await restart({ silenceLimitInMs: 60_000 });
    const run = await running(`${line}; ${workplace.gate("go")}`);
    fake.forget(run.job);
    await delay(1500);
    expect(run.states.at(-1)).toMatchObject({ kind: "running" });
    await workplace.open("go");
    expect(await run.end).toMatchObject(succeeded);
  });

  it("that does not list a run that gives no sign of life ends it after a while", async () => {
    const run = await running();
    fake.end(run.job, "FAILED");
    fake.forget(run.job);
    expect(await run.end).toMatchObject({ kind: "failed", code: "RunLost" });
  });

  it("that fails does not end a run that gives no sign of life", async () => {
    const run = await running();
    fake.isDown = true;
    fake.end(run.job, "FAILED");
    await delay(2500);
    expect(run.states.at(-1)).toMatchObject({ kind: "running" });
    fake.isDown = false;
    expect(await run.end).toMatchObject({ kind: "failed", code: "RunLost" });
  });

  it("that forgets a run before it has started lets it start under another ID", async () => {
    const run = await submitted();
    fake.forget(run.job);
    expect(await run.end).toMatchObject({ kind: "notStarted" });
    fake.start(run.job);
    await until("the late one has ended", () => run.job.state === "COMPLETED");
    expect(await timesRun()).toBe(0);
  });
});

describe("the state", () => {
  const failed = (code: string): object => ({ kind: "failed", code });

  it.each([
    ["PREEMPTED", { kind: "interrupted", isFault: false }],
    ["NODE_FAIL", { kind: "interrupted", isFault: true }],
    ["BOOT_FAIL", { kind: "interrupted", isFault: true }],
    ["TIMEOUT", failed("JobMaxWallClockTimeExceeded")],
    ["OUT_OF_MEMORY", failed("OutOfMemory")],
    ["CANCELLED", failed("SlurmJobCancelled")],
    ["DEADLINE", failed("RunLost")],
    ["FAILED", failed("RunLost")],
    ["COMPLETED", failed("RunLost")],
    ["REQUEUED", { kind: "interrupted", isFault: false }],
    ["REQUEUE_HOLD", { kind: "interrupted", isFault: false }],
    ["SPECIAL_EXIT", { kind: "interrupted", isFault: false }],
    ["PENDING", { kind: "interrupted", isFault: false }],
  ])("%s ends a run that was killed", async (state, end) => {
    const run = await running();
    fake.end(run.job, state);
    expect(await run.end).toMatchObject(end);
    expect(await timesRun()).toBe(1);
  });

  it.each([
    ["PREEMPTED", { kind: "notStarted" }],
    ["NODE_FAIL", { kind: "interrupted", isFault: true }],
    ["BOOT_FAIL", { kind: "interrupted", isFault: true }],
    ["TIMEOUT", failed("JobMaxWallClockTimeExceeded")],
    ["OUT_OF_MEMORY", failed("OutOfMemory")],
    ["CANCELLED", failed("SlurmJobCancelled")],
    ["DEADLINE", failed("FailedStartingProcess")],
    ["FAILED", failed("FailedStartingProcess")],
    ["REQUEUE_HOLD", { kind: "notStarted" }],
    ["SPECIAL_EXIT", { kind: "notStarted" }],
  ])("%s ends a run that has not started", async (state, end) => {
    const run = await submitted();
    run.job.state = state;
    expect(await run.end).toMatchObject(end);
    run.job.state = "PENDING";
    fake.start(run.job);
    await until("a late start has ended", () => run.job.state === "COMPLETED");
    expect(await timesRun()).toBe(0);
  });

  it.each(["PREEMPTED", "TIMEOUT", "CANCELLED", "NODE_FAIL", "COMPLETED", "FAILED", "DEADLINE"])(
    "%s does not change that a run has succeeded",
    async (state) => {
      const run = await running(`${line}; ${workplace.gate("go")}`);
      await workplace.open("go");
      await until("it has ended", () => existsSync(join(workplace.runs, run.plan.runId, "exit.json")));
      run.job.state = state;
      expect(await run.end).toMatchObject(succeeded);
    },
  );

  it.each(["COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING", "CONFIGURING", "LAUNCH_FAILED"])(
    "%s does not end a run",
    async (state) => {
      const run = await running(`${line}; ${workplace.gate("go")}`);
      run.job.state = state;
      await delay(700);
      expect(run.states.at(-1)).toMatchObject({ kind: "running" });
      await workplace.open("go");
      await until("its script has ended", () => run.job.process?.exitCode === 0);
      run.job.state = "COMPLETED";
      expect(await run.end).toMatchObject(succeeded);
    },
  );

  it.each(["NODE_FAIL", "COMPLETED", "PENDING"])("%s does not end a run that lives", async (state) => {
    await restart({ silenceLimitInMs: 60_000 });
    const run = await running(`${line}; ${workplace.gate("go")}`);
    run.job.state = state;
    await delay(1500);
    expect(run.states.at(-1)).toMatchObject({ kind: "running" });
    await workplace.open("go");
    expect(await run.end).toMatchObject(succeeded);
  });

  it("TIMEOUT explains the exit code of a command that Slurm has ended", async () => {
    const run = await running();
    run.job.state = "TIMEOUT";
    run.job.process?.kill("SIGTERM");
    expect(await run.end).toMatchObject(failed("JobMaxWallClockTimeExceeded"));
  });

  it("of a run that waits is told with the words of Slurm", async () => {
    const run = await submitted();
    run.job.reason = "Resources";
    const reason = "The nodes that the job needs are in use (Resources).";
    await until("the reason is told", () => {
      const state = run.states.at(-1);
      return state?.kind === "waiting" && state.reason === reason;
    });
  });

  it("in an old list does not interrupt a run that has just started", async () => {
    const run = await submitted(endless);
    await until("it is seen to wait", () => {
      const state = run.states.at(-1);
      return state?.kind === "waiting" && state.reason !== undefined;
    });
    fake.isDown = true;
    fake.start(run.job);
    await until("it runs", () => run.states.at(-1)?.kind === "running");
    await delay(1500);
    expect(run.states.at(-1)).toMatchObject({ kind: "running" });
  });
});

describe("after a restart of the service", () => {
  it("a run that waits in the queue is neither submitted again nor withdrawn", async () => {
    const { handle, job } = await submitted();
    await restart();
    expect(await engine.recover(handle)).toMatchObject({ kind: "waiting" });
    await delay(500);
    fake.start(job);
    expect(await wait(handle)).toMatchObject(succeeded);
    expect(fake.callsOf("sbatch")).toHaveLength(1);
    expect(await timesRun()).toBe(1);
  });

  it("a run that waits is kept while the controller is down", async () => {
    const { handle, job } = await submitted();
    await restart();
    fake.isDown = true;
    expect(await engine.recover(handle)).toMatchObject({ kind: "waiting" });
    await delay(1500);
    fake.isDown = false;
    fake.start(job);
    expect(await wait(handle)).toMatchObject(succeeded);
    expect(fake.callsOf("sbatch")).toHaveLength(1);
  });

  it("a run goes on, also while the controller is down", async () => {
    const { handle } = await running(`${line}; ${workplace.gate("go")}`);
    await restart();
    fake.isDown = true;
    expect(await engine.recover(handle)).toMatchObject({ kind: "running" });
    await workplace.open("go");
    fake.isDown = false;
    expect(await wait(handle)).toMatchObject(succeeded);
  });

  it("a run that has ended meanwhile has its exit code, although Slurm has forgotten it", async () => {
    const { handle, job } = await running(`${line}; ${workplace.gate("go")}; exit 7`);
    await restart();
    await workplace.open("go");
    await until("it has ended", () => job.state === "COMPLETED");
    fake.forget(job);
    expect(await engine.recover(handle)).toMatchObject({ kind: "ended", end: { kind: "exited", exitCode: 7 } });
  });

  it("a run that was killed meanwhile is lost, and not before its silence says so", async () => {
    const { handle, job } = await running();
    await restart();
    fake.end(job, "FAILED");
    fake.forget(job);
    expect(await engine.recover(handle)).toMatchObject({ kind: "running" });
    expect(await wait(handle)).toMatchObject({ kind: "failed", code: "RunLost" });
  });

  it("a run that was never submitted can start under another ID", async () => {
    const plan = workplace.plan(line);
    await engine.reserve(plan);
    const handle = engine.handleFor(plan);
    await restart();
    expect(await engine.recover(handle)).toMatchObject({ kind: "ended", end: { kind: "notStarted" } });
    expect(fake.calls.filter(({ program }) => program === "sbatch")).toEqual([]);
  });

  it("a run whose submit was on its way is found", async () => {
    fake.misbehave("sbatch", { delayInMs: 800 });
    const { handle } = await begin();
    await until("Slurm has it", () => fake.jobs.length === 1);
    await restart();
    expect(await engine.recover(handle)).toMatchObject({ kind: "waiting" });
    fake.start(fake.job(String(handle.name)));
    expect(await wait(handle)).toMatchObject(succeeded);
    expect(fake.callsOf("sbatch")).toHaveLength(1);
    expect(await timesRun()).toBe(1);
  });

  it("nothing is left in the queue of a run that somebody holds, and that the service gives up", async () => {
    const { handle, job } = await submitted();
    job.state = "REQUEUE_HOLD";
    await restart({ exitPeriodInMs: 0 });
    expect(await engine.recover(handle)).toMatchObject({ kind: "ended", end: { kind: "notStarted" } });
    await engine.cleanUp(handle);
    expect(job.state).toBe("CANCELLED");
  });
});

describe("a stop", () => {
  it("takes a run out of the queue", async () => {
    const { handle, job, end } = await submitted();
    await engine.stop(handle);
    expect(await end).toEqual({ kind: "stopped" });
    expect(job.state).toBe("CANCELLED");
  });

  it("ends a run", async () => {
    const { handle, end } = await running();
    await engine.stop(handle);
    expect(await end).toEqual({ kind: "stopped" });
    expect(workplace.processes()).toEqual([]);
  });

  it("while sbatch hangs leaves nothing behind", async () => {
    fake.misbehave("sbatch", { hangs: true });
    const { handle, end } = await begin();
    await until("Slurm has it", () => fake.jobs.length === 1);
    await engine.stop(handle);
    expect(await end).toEqual({ kind: "stopped" });
    expect(fake.jobs.map(({ state }) => state)).toEqual(["CANCELLED"]);
  });

  it("while sbatch hangs in vain keeps the job from running", async () => {
    fake.misbehave("sbatch", { isCarriedOut: false, hangs: true });
    const { handle, end } = await begin();
    await until("sbatch runs", () => fake.callsOf("sbatch").length === 1);
    await engine.stop(handle);
    expect(await end).toEqual({ kind: "stopped" });
  });

  it("waits for a controller that is down", async () => {
    const { handle, end } = await running();
    fake.isDown = true;
    const stop = engine.stop(handle);
    await delay(1500);
    fake.isDown = false;
    await stop;
    expect(await end).toEqual({ kind: "stopped" });
    expect(workplace.processes()).toEqual([]);
  });

  it("ends a run that Slurm has forgotten", { timeout: 30_000 }, async () => {
    await restart({ silenceLimitInMs: 60_000 });
    const { handle, job, end } = await running();
    fake.forget(job);
    await engine.stop(handle);
    expect(await end).toEqual({ kind: "stopped" });
    expect(workplace.processes()).toEqual([]);
  });
});

describe("files", () => {
  it("that a job has removed do not make it run for ever", async () => {
    const run = await running(`${line}; ${workplace.gate("go")}; rm -rf "${workplace.runs}"/*; exec sleep 600`);
    await workplace.open("go");
    await until("they are gone", () => !existsSync(join(workplace.runs, run.plan.runId)));
    await delay(1200);
    expect(run.states.at(-1)).toMatchObject({ kind: "running" });
    fake.end(run.job, "FAILED");
    expect(await run.end).toMatchObject({ kind: "failed", code: "RunLost" });
  });

  it("of an exit that come late are waited for", async () => {
    await restart({ exitPeriodInMs: 3000 });
    const run = await running();
    fake.end(run.job, "FAILED");
    const folder = join(workplace.runs, run.plan.runId);
    await delay(1000);
    rmSync(join(folder, "exit.json"), { force: true });
    writeFileSync(join(folder, "exit.json"), '{"kind":"exited","phase":"processes","exitCode":0}\n');
    expect(await run.end).toMatchObject(succeeded);
  });
});

describe("one call of squeue in a tick", () => {
  it.each([1, 1000])("tells of %i runs", { timeout: 60_000 }, async (count) => {
    const handles: RunHandle[] = [];
    const closing = new AbortController();
    for (let index = 0; index < count; index++) {
      const plan = workplace.plan(line);
      await engine.reserve(plan);
      handles.push(engine.handleFor(plan));
    }
    await restart({}, 1000);
    for (const { name } of handles) fake.add({ name: String(name), state: "PENDING", reason: "Priority" });
    await Promise.all(handles.map((handle) => engine.recover(handle)));
    for (const handle of handles) engine.wait(handle, { abortSignal: closing.signal }).catch(() => undefined);
    await delay(500);
    const before = fake.callsOf("squeue").length;
    await delay(3000);
    // The longest interval is 200 ms here, and nothing changes.
    const calls = fake.callsOf("squeue").length - before;
    expect(calls).toBeGreaterThanOrEqual(3);
    expect(calls).toBeLessThanOrEqual(16);
    closing.abort();
    expect(fake.calls.filter(({ program }) => program !== "squeue" && program !== "scontrol")).toEqual([]);
    expect(fake.callsOf("scontrol").length).toBeLessThanOrEqual(3);
  });
});
