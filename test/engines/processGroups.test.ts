import { spawn } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LaunchPlan, RunEnd, RunHandle } from "../../src/service/engines/engine.ts";
import type { ProcessEngine } from "../../src/service/engines/local/processEngine.ts";
import { hasProcesses } from "../../src/ground/processTable.ts";
import { startAndCrash } from "./crash.ts";
import { makeEngine } from "./processFactory.ts";
import { textOf, Workplace } from "./workplace.ts";
import { until } from "../until.ts";

const factory = new URL("./processFactory.ts", import.meta.url);
const gracePeriodInMs = 1000;
const stubborn = "trap '' TERM; echo ready; while :; do sleep 0.05; done";

let workplace: Workplace;
let engine: ProcessEngine;

beforeEach(async () => {
  workplace = await Workplace.make();
  engine = makeEngine(workplace.runs, gracePeriodInMs);
});

afterEach(async () => {
  await engine.close();
  const left = workplace.processes();
  await workplace.remove();
  expect(left).toEqual([]);
});

async function start(plan: LaunchPlan): Promise<RunHandle> {
  await engine.reserve(plan);
  const handle = engine.handleFor(plan);
  await engine.start(plan, { environment: {} }, handle);
  return handle;
}

function end(plan: LaunchPlan, exitCode: number, index: number): RunEnd {
  const process = plan.processes[index];
  if (!process) throw new Error("no process");
  const { name, nodeId, stderr } = process;
  return { kind: "exited", phase: "processes", exitCode, process: { name, nodeId, stderr } };
}

/** Part of a command line: waits until processes have written `ready`. */
function allReady(...indexes: number[]): string {
  const files = indexes.map((index) => `"$WORKPLACE"/output/*/stdout-proc${String(index)}.txt`).join(" ");
  return `until [ "$(cat ${files} | grep -c ready)" = ${String(indexes.length)} ]; do sleep 0.02; done`;
}

function withServer(plan: LaunchPlan, index: number): LaunchPlan {
  const processes = plan.processes.map((process, at) =>
    at === index ? { ...process, isServer: true as const } : process,
  );
  return { ...plan, processes };
}

async function untilReady(plan: LaunchPlan): Promise<void> {
  await until("all processes are ready", async () => {
    const texts = await Promise.all(plan.processes.map((_, index) => workplace.read(plan, `stdout-proc${index}.txt`)));
    return texts.every((text) => text.includes("ready"));
  });
}

const logOf = (plan: LaunchPlan, node: number): Promise<string> => workplace.read(plan, `execution-node${node}.log`);

describe("a run of four processes on three nodes", () => {
  it("leaves no process when it is stopped, and takes no process for a failure that the stop ends", async () => {
    const polite = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.02; done";
    const forking = "setsid bash -c \"trap '' TERM; sleep 60; sleep 60\" & sleep 60 & echo ready; wait";
    const plan = workplace.plan({ commands: [polite, stubborn, forking, "echo ready; kill -STOP $$"], nodes: 3 });
    const handle = await start(plan);
    await untilReady(plan);
    expect(hasProcesses("BATCHAI_RUN_ID", plan.runId)).toBe(true);
    await engine.stop(handle);
    expect(hasProcesses("BATCHAI_RUN_ID", plan.runId)).toBe(false);
    expect(await engine.wait(handle)).toEqual({ kind: "stopped" });
    const logs = await Promise.all([0, 1, 2].map((node) => logOf(plan, node)));
    expect(logs.join("")).not.toContain("failed");
  });

  it.each([
    ["exit 3", 3],
    ["kill -KILL $$", 137],
    ["kill -SEGV $$", 139],
    ["kill -KILL 0", 137],
    ["kill -KILL $PPID; sleep 600", 137],
  ])("ends after one of them has ended by %s, and names it", async (crash, exitCode) => {
    const commands = [stubborn, stubborn, `${allReady(0, 1, 3)}; echo because >&2; ${crash}`, stubborn];
    const plan = workplace.plan({ commands, nodes: 3 });
    const handle = await start(plan);
    await until("the process has crashed", async () => (await workplace.read(plan, "stderr-proc2.txt")) !== "");
    // No other process ends by itself, so the wait ends only if the engine stops them.
    expect(await engine.wait(handle)).toEqual(end(plan, exitCode, 2));
    expect(hasProcesses("BATCHAI_RUN_ID", plan.runId)).toBe(false);
    expect(await logOf(plan, 2)).toContain(`Proc 2 on node node2 ended with exit code ${String(exitCode)}.`);
    expect(await logOf(plan, 1)).toContain(
      `Proc 1 on node node1 is stopped, because proc 2 on node node2 failed with exit code ${String(exitCode)}.`,
    );
  });

  it("names the process that failed first if the others fail because of it", async () => {
    const follower = 'echo ready; read line < "$WORKPLACE/connection"; sleep 0.1; exit 1';
    const crash = `mkfifo "$WORKPLACE/connection"; exec 3> "$WORKPLACE/connection"; ${allReady(0, 1, 2)}; kill -SEGV $$`;
    const waiting = `until [ -p "$WORKPLACE/connection" ]; do sleep 0.02; done; ${follower}`;
    const plan = workplace.plan({ commands: [waiting, waiting, waiting, crash], nodes: 3 });
    expect(await engine.wait(await start(plan))).toEqual(end(plan, 139, 3));
  });

  it("waits for a process that stops itself", async () => {
    const plan = workplace.plan({ commands: ["echo $$; kill -STOP $$; exit 6", "sleep 60"], nodes: 2 });
    const handle = await start(plan);
    const pid = async (): Promise<string> => (await workplace.read(plan, "stdout-proc0.txt")).trim();
    await until("it has stopped", async () => textOf(`/proc/${await pid()}/stat`).includes(") T "));
    process.kill(Number(await pid()), "SIGCONT");
    expect(await engine.wait(handle)).toEqual(end(plan, 6, 0));
  });

  it("is not misled by processes that signal their group", async () => {
    const commands = ["trap '' TERM; kill 0; exit 0", "trap 'trap \"\" TERM; kill 0' EXIT; echo done", "sleep 0.2"];
    expect(await engine.wait(await start(workplace.plan({ commands, nodes: 3 })))).toMatchObject({ exitCode: 0 });

    const plan = workplace.plan({ commands: ["echo $$; kill -STOP 0; exit 6", "sleep 60"], nodes: 2 });
    const handle = await start(plan);
    const pid = async (): Promise<string> => (await workplace.read(plan, "stdout-proc0.txt")).trim();
    await until("it has stopped", async () => textOf(`/proc/${await pid()}/stat`).includes(") T "));
    process.kill(Number(await pid()), "SIGCONT");
    expect(await engine.wait(handle)).toEqual(end(plan, 6, 0));
  });

  it("follows processes without a pipe if bash has none", async () => {
    const environment = { POSIXLY_CORRECT: "1" };
    const plan = workplace.plan({ commands: ["sleep 60", "echo done", "sleep 0.5; exit 6"], nodes: 3, environment });
    expect(await engine.wait(await start(plan))).toEqual(end(plan, 6, 2));
    const server = "trap 'exit 3' TERM; echo ready; while :; do sleep 0.02; done";
    const worker = "sleep 0.5; echo done";
    const good = workplace.plan({ commands: [allReady(2), worker, server], environment });
    expect(await engine.wait(await start(withServer(good, 2)))).toMatchObject({ kind: "exited", exitCode: 0 });
    expect(await workplace.read(good, "stdout-proc1.txt")).toBe("done\n");
  });

  it("hands its processes no descriptor of the supervisor", async () => {
    const list = "echo /proc/self/fd/*";
    const alone = workplace.plan(list);
    await engine.wait(await start(alone));
    const plan = workplace.plan({ commands: [list, list] });
    await engine.wait(await start(plan));
    const descriptors = await workplace.read(alone, "stdout-proc0.txt");
    expect(await workplace.read(plan, "stdout-proc0.txt")).toBe(descriptors);
    expect(await workplace.read(plan, "stdout-proc1.txt")).toBe(descriptors);
  });
});

describe("the time after the master has succeeded", () => {
  it("is limited", async () => {
    await engine.close();
    engine = makeEngine(workplace.runs, gracePeriodInMs, 500);
    const plan = workplace.plan({ commands: [allReady(1), stubborn, "echo mine"], nodes: 3 });
    expect(await engine.wait(await start(plan))).toEqual({ kind: "exited", phase: "processes", exitCode: 0 });
    expect(await logOf(plan, 1)).toContain("Proc 1 on node node1 is stopped, because proc 0 succeeded 0 seconds ago.");
  });

  it("is what the log says, with many processes too", async () => {
    await engine.close();
    engine = makeEngine(workplace.runs, gracePeriodInMs, 3000);
    const plan = workplace.plan({ commands: [allReady(1), ...Array(15).fill(stubborn)], nodes: 2 });
    expect(await engine.wait(await start(plan))).toMatchObject({ exitCode: 0 });
    const log = `${await logOf(plan, 0)}${await logOf(plan, 1)}`;
    const timeOf = (line: RegExp): number => Date.parse(line.exec(log)?.[1] ?? "");
    const ended = timeOf(/^(\S+) Proc 0 on node node0 ended/m);
    const stopped = timeOf(/^(\S+) Proc 1 on node node1 is stopped/m);
    const said = Number(/proc 0 succeeded (\d+) seconds ago/.exec(log)?.[1]);
    expect(said).toBeGreaterThanOrEqual(3);
    // The times of the log are whole seconds.
    expect(Math.abs((stopped - ended) / 1000 - said)).toBeLessThanOrEqual(1);
  });

  it("does not hold for servers, even stubborn ones", async () => {
    const plan = workplace.plan({ commands: [allReady(1), stubborn], nodes: 2 });
    expect(await engine.wait(await start(withServer(plan, 1)))).toMatchObject({ exitCode: 0 });
    expect(await logOf(plan, 1)).toContain("Proc 1 on node node1 is stopped, because proc 0 succeeded.");
  });
});

describe("a run whose service is killed", () => {
  it("ends as it would have ended", async () => {
    const crash = `${workplace.gate("go")}; exit 3`;
    const failing = workplace.plan({ commands: ["sleep 60", stubborn, crash], nodes: 3 });
    const late = workplace.plan({ commands: ["true", crash, stubborn], nodes: 3 });
    const good = workplace.plan({ commands: ["true", `${workplace.gate("go")}; echo finished`], nodes: 2 });
    await startAndCrash(factory, workplace, [failing, late, good]);
    for (const plan of [failing, late, good]) {
      expect(await engine.recover(engine.handleFor(plan))).toEqual({ kind: "running" });
    }
    await workplace.open("go");
    expect(await engine.wait(engine.handleFor(failing))).toEqual(end(failing, 3, 2));
    expect(await engine.wait(engine.handleFor(late))).toEqual(end(late, 3, 1));
    expect(await engine.wait(engine.handleFor(good))).toMatchObject({ exitCode: 0 });
    expect(await workplace.read(good, "stdout-proc1.txt")).toBe("finished\n");
  });
});

describe("a run that an earlier version has started", () => {
  /** Starts the supervisor of the earlier version, with a plan as that version wrote it. */
  async function startEarlier(plan: LaunchPlan): Promise<RunHandle> {
    const fixture = (name: string): Promise<string> =>
      readFile(new URL(`./fixtures/${name}.sh`, import.meta.url), "utf8");
    const script = [await fixture("earlierSupervisor"), "batchai-supervisor", plan.runDirectory];
    const logs = plan.nodes.map(({ executionLog }) => executionLog);
    const steps = plan.processes.map(({ nodeId, stdout, stderr, commandLine }) => {
      return [nodeId, workplace.folder, stdout, stderr, logs[0] ?? "", commandLine];
    });
    const fields = [10, 0, steps.length, logs.length, ...logs, ...steps.flatMap((step) => [step.length, ...step])];
    await mkdir(plan.runDirectory, { recursive: true });
    await mkdir(workplace.output(plan.runId), { recursive: true });
    await writeFile(`${plan.runDirectory}/plan`, fields.map((field) => `${String(field)}\0`).join(""));
    const environment = { ...process.env, WORKPLACE: workplace.folder, BATCHAI_RUN_ID: plan.runId };
    const child = spawn("bash", ["-p", "-c", ...script, await fixture("earlierRareSupervision")], {
      env: environment,
      detached: true,
      stdio: "ignore",
    });
    child.unref();
    await until("it runs", () => textOf(`${plan.runDirectory}/claim`).endsWith("\n"));
    return engine.handleFor(plan);
  }

  it.each([
    ["one process", [""]],
    ["several processes", ["", "sleep 60"]],
  ])("is found and ended, with %s", async (_, others) => {
    const plan = workplace.plan({ commands: [`${workplace.gate("go")}; exit 5`, ...others.filter(Boolean)] });
    const handle = await startEarlier(plan);
    expect(await engine.recover(handle)).toEqual({ kind: "running" });
    await workplace.open("go");
    expect(await engine.wait(handle)).toEqual({ kind: "exited", phase: "processes", exitCode: 5 });

    const stopped = workplace.plan({ commands: [stubborn, stubborn] });
    const stoppedHandle = await startEarlier(stopped);
    await engine.stop(stoppedHandle);
    expect(await engine.wait(stoppedHandle)).toEqual({ kind: "stopped" });
  });
});
