import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LaunchPlan, RunHandle } from "../../src/service/engines/engine.ts";
import type { ProcessEngine } from "../../src/service/engines/local/processEngine.ts";
import { childrenOf, startAndCrash } from "./crash.ts";
import { makeEngine } from "./processFactory.ts";
import { until } from "../until.ts";
import { textOf, Workplace } from "./workplace.ts";

const factory = new URL("./processFactory.ts", import.meta.url);

describe("the process engine", () => {
  let workplace: Workplace;
  let engine: ProcessEngine;
  let innocent: ChildProcess;

  beforeEach(async () => {
    workplace = await Workplace.make();
    engine = makeEngine(workplace.runs);
    innocent = spawn("sleep", ["600"], { stdio: "ignore" });
    await once(innocent, "spawn");
  });

  afterEach(async () => {
    await engine.close();
    innocent.kill("SIGKILL");
    const left = workplace.processes();
    await workplace.remove();
    expect(left).toEqual([]);
    expect(launchers()).toEqual([]);
  });

  async function start(plan: LaunchPlan): Promise<RunHandle> {
    await engine.reserve(plan);
    const handle = engine.handleFor(plan);
    await engine.start(plan, { environment: {} }, handle);
    return handle;
  }

  function launchers(): number[] {
    return childrenOf(process.pid).filter((pid) => textOf(`/proc/${pid}/cmdline`).includes("launcher"));
  }

  /** Writes a claim as a supervisor would have done. */
  async function forgeClaim(plan: LaunchPlan, claim: string): Promise<RunHandle> {
    await engine.reserve(plan);
    await writeFile(join(plan.runDirectory, "claim"), claim);
    return engine.handleFor(plan);
  }

  /** Starts a process that is ended together with the innocent one. */
  async function sleeperIn(folder: string, environment: Record<string, string> = {}): Promise<ChildProcess> {
    innocent.kill("SIGKILL");
    innocent = spawn("sleep", ["600"], { stdio: "ignore", cwd: folder, env: { ...process.env, ...environment } });
    await once(innocent, "spawn");
    return innocent;
  }

  const isRunning = (pid = 0): boolean => /\) [^ZX] /.test(textOf(`/proc/${pid}/stat`));

  async function supervisorOf(plan: LaunchPlan): Promise<number> {
    const claim = (): string => textOf(join(plan.runDirectory, "claim"));
    await until("the run is claimed", () => claim().endsWith("\n"));
    return Number(claim().split(" ")[0]);
  }

  it("carries on when only its launcher is killed", async () => {
    const going = await start(workplace.plan("sleep 1; exit 4"));
    const stubborn = await start(workplace.plan("trap '' TERM; sleep 60; sleep 60"));
    const [launcher = 0] = launchers();
    const stopping = engine.stop(stubborn);
    process.kill(launcher, "SIGKILL");
    const begin = performance.now();
    expect(await engine.wait(await start(workplace.plan("exit 5")))).toMatchObject({ exitCode: 5 });
    expect(await engine.wait(going)).toMatchObject({ exitCode: 4 });
    await stopping;
    expect(await engine.wait(stubborn)).toEqual({ kind: "stopped" });
    expect(performance.now() - begin).toBeLessThan(10_000);
    expect(launchers()).not.toContain(launcher);
  });

  it("reports a run whose supervisor was killed, and ends what is left of it", async () => {
    const plan = workplace.plan("setsid -f sleep 60; sleep 60");
    const handle = await start(plan);
    const supervisor = await supervisorOf(plan);
    await until("the job runs", () => workplace.processes().length >= 3);
    process.kill(supervisor, "SIGKILL");
    expect(await engine.wait(handle)).toMatchObject({ kind: "failed", code: "RunLost" });
    expect(workplace.processes()).toEqual([]);
    expect(await workplace.read(plan, "execution-node0.log")).toContain(
      "Run failed: The processes of the job vanished",
    );
  });

  it("ends a run and its background processes while no service is there", async () => {
    const commands = ["sleep 60 & sleep 0.5; exit 3", "trap '' TERM; sleep 60; sleep 60"];
    const plan = workplace.plan({ commands, nodes: 2 });
    await startAndCrash(factory, workplace, [plan]);
    await until("nothing runs any more", () => workplace.processes().length === 0);
    const exit = textOf(join(plan.runDirectory, "exit.json"));
    expect(JSON.parse(exit)).toEqual({ kind: "exited", phase: "processes", exitCode: 3, step: 0 });
  });

  it("reports a run of an earlier life whose supervisor is gone", async () => {
    const plan = workplace.plan("sleep 60");
    await startAndCrash(factory, workplace, [plan]);
    process.kill(await supervisorOf(plan), "SIGKILL");
    await until("the supervisor is gone", async () => !isRunning(await supervisorOf(plan)));
    const state = await engine.recover(engine.handleFor(plan));
    expect(state).toMatchObject({ kind: "ended", end: { kind: "failed", code: "RunLost" } });
    expect(await engine.recover(engine.handleFor(plan))).toEqual(state);
  });

  it.each(["PID\n", "PID 1 BOOT\n"])("never signals a process that has the pid of the claim %j", async (claim) => {
    const handle = await forgeClaim(workplace.plan("true"), claim.replace("PID", String(innocent.pid)));
    await engine.stop(handle);
    expect(await engine.wait(handle)).toEqual({ kind: "stopped" });
    expect(isRunning(innocent.pid)).toBe(true);
  });

  it.each(["PID\n", "PID 1 BOOT\n"])("takes no other process for the one of the claim %j", async (claim) => {
    const plan = workplace.plan("true");
    await mkdir(plan.runDirectory, { recursive: true });
    const { pid = 0 } = await sleeperIn(plan.runDirectory, { BATCHAI_RUN_ID: plan.runId });
    const other = await forgeClaim(workplace.plan("true"), claim.replace("PID", String(pid)));
    expect(await engine.recover(other)).toMatchObject({ kind: "ended", end: { kind: "failed", code: "RunLost" } });
    const own = await forgeClaim(plan, claim.replace("PID", String(pid)));
    expect(await engine.recover(own)).toEqual({ kind: "running" });
    expect(isRunning(pid)).toBe(true);
  });

  it("leaves a run alone whose folder is a copy of the one in which its supervisor works", async () => {
    const copy = workplace.plan("true");
    const { pid } = await sleeperIn(workplace.folder, { BATCHAI_RUN_ID: copy.runId });
    const handle = await forgeClaim(copy, `${pid}\n`);
    expect(await engine.recover(handle)).toMatchObject({ kind: "ended", end: { code: "RunLost" } });
    await engine.stop(handle);
    expect(isRunning(pid)).toBe(true);
  });

  it("follows a run whose folder is moved while it runs", async () => {
    const plan = workplace.plan(`${workplace.gate("go")}; exit 4`);
    await start(plan);
    await supervisorOf(plan);
    await engine.close();
    const moved = join(workplace.folder, "moved runs");
    await rename(workplace.runs, moved);
    engine = makeEngine(moved);
    const handle = engine.handleFor(plan);
    expect(await engine.recover(handle)).toEqual({ kind: "running" });
    await workplace.open("go");
    expect(await engine.wait(handle)).toMatchObject({ kind: "exited", phase: "processes", exitCode: 4 });
    expect(await readdir(workplace.folder)).not.toContain("runs");
  });

  it.each([
    ["removes its folder", 'rm -r "$RUN"', { code: "RunLost" }],
    ["removes its claim", 'rm "$RUN/claim"', { exitCode: 5 }],
    ["writes to its claim", 'echo mine > "$RUN/claim"', { exitCode: 5 }],
    ["removes everything in its folder", 'rm "$RUN"/*', { exitCode: 5 }],
    ["puts a folder in the place of its exit file", 'mkdir "$RUN/exit.json"', { code: "RunLost" }],
    ["puts a pipe in the place of its exit file", 'mkfifo "$RUN/exit.json"', { code: "RunLost" }],
    ["puts a link in the place of its exit file", 'ln -s /dev/zero "$RUN/exit.json"', { code: "RunLost" }],
    ["writes an exit file of an unknown kind", 'echo \'{"kind":"fine"}\' > "$RUN/exit.json"', { code: "RunLost" }],
    ["locks its claim", 'chmod 000 "$RUN/claim"', { exitCode: 5 }],
    ["locks its folder", 'chmod 000 "$RUN"', { exitCode: 5 }],
    [
      "writes an exit file whose details are none",
      `echo '{"kind":"failed","code":"X","message":"y","details":5}' > "$RUN/exit.json"`,
      { code: "RunLost" },
    ],
    ["says that it did not start", `echo '{"kind":"notStarted"}' > "$RUN/exit.json"`, { code: "RunLost" }],
    ["puts a pipe in the place of its log", 'rm "$LOG"; mkfifo "$LOG"', { exitCode: 5 }],
    [
      "says that it did not start, and kills its supervisor",
      `echo '{"kind":"notStarted"}' > "$RUN/exit.json"; kill -9 $PPID`,
      { code: "RunLost" },
    ],
    [
      "withdraws its claim and kills its supervisor",
      'echo withdrawn > "$RUN/claim"; kill -9 $PPID',
      { code: "RunLost" },
    ],
    ["removes its claim and kills its supervisor", 'rm "$RUN/claim"; kill -9 $PPID', { code: "RunLost" }],
    ["removes everything and kills its supervisor", 'rm "$RUN"/*; kill -9 $PPID', { code: "RunLost" }],
  ])("ends a run once that %s", async (_, harm, expected) => {
    const plan = workplace.plan("true");
    const [process] = plan.processes;
    if (!process) throw new Error("no process");
    const commandLine = `echo attempt; ${harm}; exit 5`;
    const environment = { RUN: plan.runDirectory, LOG: plan.nodes[0]?.executionLog ?? "" };
    const hostile = { ...plan, processes: [{ ...process, commandLine, environment }] };
    expect(await engine.wait(await start(hostile))).toMatchObject(expected);
    expect(await workplace.read(plan, "stdout-proc0.txt")).toBe("attempt\n");
  });

  it.each([
    ["withdraws its claim", 'echo withdrawn > "$RUN/claim"'],
    ["empties its claim", ': > "$RUN/claim"'],
    ["removes its claim", 'rm "$RUN/claim"'],
    ["says that it did not start", `echo '{"kind":"notStarted"}' > "$RUN/exit.json"`],
    ["says so twice", `echo withdrawn > "$RUN/claim"; echo '{"kind":"notStarted"}' > "$RUN/exit.json"`],
  ])(
    "has not started, by no means, if it %s and its supervisor is killed while no service is there",
    async (_, harm) => {
      const plan = workplace.plan(`${workplace.gate("go")}; ${harm}; kill -9 $PPID`);
      await start({ ...plan, environment: { ...plan.environment, RUN: plan.runDirectory } });
      await supervisorOf(plan);
      await engine.close();
      await workplace.open("go");
      await until("nothing of it runs", () => workplace.processes().length === 0);
      engine = makeEngine(workplace.runs);
      const handle = engine.handleFor(plan);
      expect(await engine.recover(handle)).toMatchObject({ kind: "ended", end: { kind: "failed", code: "RunLost" } });
      await engine.cleanUp(handle);
      expect(await readdir(workplace.runs)).toEqual([]);
    },
  );

  it.each(["FUNCNEST", "POSIXLY_CORRECT"])("takes no run for a success that bash gave up, with %s", async (name) => {
    const plan = workplace.plan({ commands: ["exit 5"], preparation: ["exit 6"], environment: { [name]: "1" } });
    const end = await engine.wait(await start(plan));
    expect(end.kind === "exited" ? end.exitCode : -1).toBeGreaterThan(0);
  });

  it("reports a folder that cannot exist, and starts the next run", async () => {
    const impossible = workplace.plan({ commands: ["true"], plan: { directories: ["/proc/made/up"] } });
    expect(await engine.wait(await start(impossible))).toMatchObject({ code: "FailedStartingProcess" });
    expect(await engine.wait(await start(workplace.plan("exit 2")))).toMatchObject({ exitCode: 2 });
  });

  it("waits for a job that stops itself until it has ended", async () => {
    const plan = workplace.plan("echo $$; kill -STOP $$; echo continued; exit 6");
    const handle = await start(plan);
    const lines = async (): Promise<string[]> => (await workplace.read(plan, "stdout-proc0.txt")).trim().split("\n");
    await until("the job has stopped", async () => textOf(`/proc/${(await lines())[0] ?? ""}/stat`).includes(") T "));
    process.kill(Number((await lines())[0]), "SIGCONT");
    expect(await engine.wait(handle)).toMatchObject({ kind: "exited", exitCode: 6 });
    expect((await lines())[1]).toBe("continued");
  });

  it("starts a run whose launchers are killed, or says that it did not start", async () => {
    const plan = workplace.plan("exit 3");
    await engine.reserve(plan);
    const handle = engine.handleFor(plan);
    const killing = setInterval(() => launchers().forEach((pid) => process.kill(pid, "SIGKILL")), 5);
    const starting = engine.start(plan, { environment: {} }, handle);
    await starting;
    clearInterval(killing);
    const end = await engine.wait(handle);
    expect(end.kind === "exited" ? end.exitCode : end.kind).toSatisfy((value) => value === 3 || value === "notStarted");
  });

  it("finds a run that has removed its claim and still runs", async () => {
    const plan = workplace.plan(`rm "$RUN/claim"; echo removed; ${workplace.gate("go")}; exit 6`);
    await start({ ...plan, environment: { ...plan.environment, RUN: plan.runDirectory } });
    await until("the claim is gone", async () => (await workplace.read(plan, "stdout-proc0.txt")) === "removed\n");
    await engine.close();
    engine = makeEngine(workplace.runs);
    const handle = engine.handleFor(plan);
    expect(await engine.recover(handle)).toEqual({ kind: "running" });
    await workplace.open("go");
    expect(await engine.wait(handle)).toMatchObject({ exitCode: 6 });
  });

  it.each([
    ["its folder", (plan: LaunchPlan) => rm(plan.runDirectory, { recursive: true })],
    ["everything in its folder", (plan: LaunchPlan) => rm(join(plan.runDirectory, "plan"))],
    ["its claim by garbage", (plan: LaunchPlan) => writeFile(join(plan.runDirectory, "claim"), "12 x")],
    ["its claim by a folder", (plan: LaunchPlan) => mkdir(join(plan.runDirectory, "claim"))],
  ])("reports a run as lost, not as never started, if somebody has removed or replaced %s", async (_, harm) => {
    const plan = workplace.plan("true");
    await engine.reserve(plan);
    await harm(plan);
    const handle = engine.handleFor(plan);
    expect(await engine.recover(handle)).toMatchObject({ kind: "ended", end: { code: "RunLost" } });
  });

  it("replaces a launcher that somebody has stopped", { timeout: 60_000 }, async () => {
    const handle = await start(workplace.plan(`${workplace.gate("go")}; exit 7`));
    const [launcher = 0] = launchers();
    process.kill(launcher, "SIGSTOP");
    await workplace.open("go");
    expect(await engine.wait(handle)).toMatchObject({ exitCode: 7 });
    expect(await engine.wait(await start(workplace.plan("exit 8")))).toMatchObject({ exitCode: 8 });
    expect(isRunning(launcher)).toBe(false);
  });

  it("closes although its launcher is stopped", async () => {
    await start(workplace.plan("true"));
    const [launcher = 0] = launchers();
    process.kill(launcher, "SIGSTOP");
    await engine.close();
    expect(isRunning(launcher)).toBe(false);
  });

  it.each(["", "12"])("knows that a supervisor which left %j as its claim ran nothing", async (claim) => {
    const handle = await forgeClaim(workplace.plan("true"), claim);
    expect(await engine.recover(handle)).toEqual({ kind: "ended", end: { kind: "notStarted" } });
  });

  it("waits for a supervisor that is about to finish its claim", async () => {
    const plan = workplace.plan("true");
    const handle = await forgeClaim(plan, "12");
    const environment = { ...process.env, BATCHAI_RUN_ID: plan.runId };
    const supervisor = spawn("sleep", ["600"], { stdio: "ignore", env: environment, detached: true });
    await once(supervisor, "spawn");
    expect(await engine.recover(handle)).toEqual({ kind: "running" });
    await engine.stop(handle);
    expect(isRunning(supervisor.pid)).toBe(false);
  });

  it("believes an exit file more than anything else", async () => {
    const plan = workplace.plan("true");
    const handle = await forgeClaim(plan, `${innocent.pid}\n`);
    const exit = { kind: "exited", phase: "processes", exitCode: 42 };
    await writeFile(join(plan.runDirectory, "exit.json"), JSON.stringify(exit));
    expect(await engine.recover(handle)).toEqual({ kind: "ended", end: exit });
  });

  it("objects to containers and names the way out, and never runs such a plan on the machine itself", async () => {
    const plan = workplace.plan({ commands: ["touch $WORKPLACE/ran"], plan: { container: { image: "ubuntu" } } });
    await expect(start(plan)).rejects.toMatchObject({ code: "FailedStartingContainer" });
    expect(await readdir(workplace.folder)).not.toContain("ran");
    expect(engine.objection({})).toBeUndefined();
    const objection = engine.objection({ container: { image: "ubuntu" } });
    expect(objection?.error).toMatchObject({ code: "FailedStartingContainer" });
    expect(objection?.message).toContain("ignoreContainerSettings");
  });

  it("gives jobs little of the service's own environment", async () => {
    process.env.SERVICE_PRIVATE = "hidden";
    const plan = workplace.plan("env");
    await engine.wait(await start(plan));
    delete process.env.SERVICE_PRIVATE;
    const names = (await workplace.read(plan, "stdout-proc0.txt")).split("\n").map((line) => line.split("=")[0] ?? "");
    const ours = /^(PATH|HOME|LANG|LC_\w+|TZ|USER|LOGNAME|SHELL|TMPDIR|LD_LIBRARY_PATH|WORKPLACE|STEP|BATCHAI_RUN_ID)$/;
    const bashOwn = /^(PWD|OLDPWD|SHLVL|_|)$/;
    expect(names.filter((name) => !ours.test(name) && !bashOwn.test(name))).toEqual([]);
    expect(names).toContain("PATH");
  });

  it("does not follow links that a job left in a share out of it", async () => {
    const source = join(workplace.folder, "share");
    const outside = join(workplace.folder, "outside");
    await mkdir(join(source, "inside"), { recursive: true });
    await mkdir(outside);
    await symlink(outside, join(source, "leak"));
    await symlink("inside", join(source, "fine"));
    const target = join(workplace.folder, "mount");
    await symlink(source, target);
    const through = (folder: string): LaunchPlan => {
      return workplace.plan({
        commands: ["true"],
        plan: { mounts: [{ source, target }], directories: [join(target, folder, "made")] },
      });
    };
    expect(await engine.wait(await start(through("leak")))).toMatchObject({ code: "FailedStartingProcess" });
    expect(await readdir(outside)).toEqual([]);
    expect(await engine.wait(await start(through("fine")))).toMatchObject({ exitCode: 0 });
    expect(await readdir(join(source, "inside"))).toEqual(["made"]);
  });

  it("does not write output through links and pipes that lie in its place", async () => {
    const victim = join(workplace.folder, "victim");
    await writeFile(victim, "precious");
    const linked = workplace.plan("echo overwritten");
    await mkdir(workplace.output(linked.runId), { recursive: true });
    await symlink(victim, join(workplace.output(linked.runId), "stdout-proc0.txt"));
    expect(await engine.wait(await start(linked))).toMatchObject({ code: "FailedStartingProcess" });
    expect(await readFile(victim, "utf8")).toBe("precious");

    const piped = workplace.plan("true");
    await mkdir(workplace.output(piped.runId), { recursive: true });
    const mkfifo = spawn("mkfifo", [join(workplace.output(piped.runId), "stdout-proc0.txt")]);
    await once(mkfifo, "exit");
    expect(await engine.wait(await start(piped))).toMatchObject({ code: "FailedStartingProcess" });
  });

  it("keeps the output of an earlier attempt", async () => {
    const first = workplace.plan("echo first");
    const second = { ...workplace.plan("true"), processes: first.processes };
    await engine.wait(await start(first));
    await engine.wait(await start(second));
    expect(await workplace.read(first, "stdout-proc0.txt")).toBe("first\nfirst\n");
  });

  it("does not start where a link leads elsewhere than to its volume", async () => {
    const mount = { source: workplace.folder, target: join(workplace.folder, "m") };
    const plan = workplace.plan({ commands: ["touch $WORKPLACE/ran"], plan: { mounts: [mount] } });
    await symlink("/", mount.target);
    const end = await engine.wait(await start(plan));
    expect(end).toMatchObject({ kind: "failed", code: "MountFailed" });
    expect(await readdir(workplace.folder)).not.toContain("ran");
  });

  it("reads handles of version 1, whose links it removes, and nothing that replaced them", async () => {
    const { runId, runDirectory } = workplace.plan("true");
    const exit = { kind: "exited", phase: "processes", exitCode: 6 };
    await mkdir(join(runDirectory, "engine"), { recursive: true });
    await writeFile(join(runDirectory, "engine/exit.json"), JSON.stringify(exit));
    const mounts = ["ours", "theirs"].map((name) => ({
      source: workplace.folder,
      target: join(workplace.folder, name),
    }));
    await symlink(workplace.folder, join(workplace.folder, "ours"));
    await symlink("/", join(workplace.folder, "theirs"));
    const handle = { engine: "process", version: 1, runId, runDirectory, executionLogs: [], mounts };
    expect(await engine.recover(handle)).toEqual({ kind: "ended", end: exit });
    await engine.cleanUp(handle);
    const left = await readdir(workplace.folder);
    expect(left).toContain("theirs");
    expect(left).not.toContain("ours");
  });

  it("removes its own files when it cleans up", async () => {
    const plan = workplace.plan("true");
    const handle = await start(plan);
    await engine.wait(handle);
    await engine.cleanUp(handle);
    expect(await readdir(workplace.runs)).toEqual([]);
  });

  it.each([
    ["a command line", { commands: ["a\0b"] }],
    ["a value", { commands: ["true"], environment: { A: "a\0b" } }],
    ["a name", { commands: ["true"], environment: { "A=B": "c" } }],
    ["a command line that is too long", { commands: [`: ${"x".repeat(200_000)}`] }],
    ["a value that is too long", { commands: ["true"], environment: { A: "x".repeat(200_000) } }],
  ])("reports what the system cannot take in %s", async (_, sketch) => {
    const ended = start(workplace.plan(sketch)).then((handle) => engine.wait(handle));
    if (sketch.commands[0]?.startsWith(":")) {
      expect(await ended).toMatchObject({ kind: "exited", phase: "processes", exitCode: 126 });
    } else {
      const refused = ended.catch((error: unknown) => error);
      expect(await refused).toMatchObject({ code: "FailedStartingProcess" });
    }
  });

  it("reads only its own handles", () => {
    expect(() => engine.recover({ engine: "docker", version: 1 })).toThrow(/docker/);
    expect(() => engine.recover({ engine: "process", version: 4 })).toThrow(/version 4/);
  });

  it("stops a whole tree, sessions and stubborn ones included", async () => {
    const plan = workplace.plan(
      "trap '' TERM; sleep 60 & bash -c 'bash -c \"sleep 60 & wait\" & wait' & " +
        "setsid bash -c \"trap '' TERM HUP; sleep 60 & sleep 60; sleep 60\" & (setsid -f sleep 60); " +
        "(sleep 60 & env -i bash -c ': in $0; sleep 60; :' \"$WORKPLACE\" &); " +
        "env -i setsid -w bash -c ': in $0; sleep 60; :' \"$WORKPLACE\" & " +
        "(kill -STOP $BASHPID; sleep 60) & echo ready; wait; sleep 60",
    );
    const handle = await start(plan);
    await until("the tree stands", async () => (await workplace.read(plan, "stdout-proc0.txt")) === "ready\n");
    await until("all of it runs", () => workplace.processes().length >= 10);
    await engine.stop(handle);
    expect(workplace.processes()).toEqual([]);
    expect(await engine.wait(handle)).toEqual({ kind: "stopped" });
    await engine.stop(handle);
    expect(await engine.recover(handle)).toEqual({ kind: "ended", end: { kind: "stopped" } });
  });

  it("finishes a hundred trivial runs", async () => {
    const exits = await Promise.all(
      Array.from({ length: 100 }, () => start(workplace.plan("true")).then((handle) => engine.wait(handle))),
    );
    expect(exits).toEqual(exits.map(() => ({ kind: "exited", phase: "processes", exitCode: 0 })));
  });

  it("leaves no launcher behind when it is closed, and runs go on", async () => {
    const plan = workplace.plan('sleep 0.3; touch "$WORKPLACE/done"');
    await start(plan);
    expect(launchers()).toHaveLength(1);
    await engine.close();
    expect(launchers()).toEqual([]);
    await until("the run has ended", async () => (await readdir(workplace.folder)).includes("done"));
    await until("nothing runs any more", () => workplace.processes().length === 0);
  });
});
