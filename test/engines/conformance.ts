import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type {
  Engine,
  LaunchPlan,
  LaunchProcess,
  LaunchSecrets,
  RunEnd,
  RunHandle,
} from "../../src/service/engines/engine.ts";
import { startAndCrash } from "./crash.ts";
import { type EngineUnderTest, engineOf } from "./engineUnderTest.ts";
import { titleOf } from "../programs.ts";
import { until } from "../until.ts";
import { textOf, Workplace } from "./workplace.ts";

const noSecrets: LaunchSecrets = { environment: {} };

/**
 * What every engine must do, whatever carries out its runs. What only one engine promises stands in its own test.
 * @param factory - Module that exports `openEngine`, so that another process can make the engine too.
 * @param obstacle - Reason why this machine cannot run the engine. Absent: it can.
 */
export function engineConformance(name: string, factory: URL, obstacle?: string): void {
  describe.skipIf(obstacle)(titleOf(`engine ${name}`, obstacle), () => {
    let underTest: EngineUnderTest;
    let workplace: Workplace;
    let engine: Engine;

    beforeAll(async () => {
      underTest = await engineOf(factory);
    });

    beforeEach(async () => {
      workplace = await Workplace.make(underTest.planParts);
      engine = underTest.makeEngine(workplace.runs);
    });

    afterEach(async () => {
      await engine.close();
      const left = [...workplace.processes(), ...((await underTest.leftovers?.(workplace.runIds)) ?? [])];
      await workplace.remove();
      expect(left).toEqual([]);
    });

    async function reserved(plan: LaunchPlan): Promise<RunHandle> {
      await engine.reserve(plan);
      return engine.handleFor(plan);
    }

    async function start(plan: LaunchPlan, secrets = noSecrets): Promise<RunHandle> {
      const handle = await reserved(plan);
      await engine.start(plan, secrets, handle);
      return handle;
    }

    async function run(plan: LaunchPlan, secrets = noSecrets): Promise<RunEnd> {
      return engine.wait(await start(plan, secrets));
    }

    /** The end of a run; an exit code other than 0 is that of `failed`. */
    const exited = (plan: LaunchPlan, exitCode: number, failed = plan.processes[0]): RunEnd => {
      if (!failed) throw new Error("no process");
      const { name, nodeId, stderr } = failed;
      const phase = plan.preparation.includes(failed) ? "preparation" : "processes";
      return { kind: "exited", phase, exitCode, ...(exitCode === 0 ? {} : { process: { name, nodeId, stderr } }) };
    };
    const outputOf = (plan: LaunchPlan, file: string): Promise<string> => workplace.read(plan, file);

    it("is usable here and says what it found", async () => {
      const probe = await engine.probe();
      expect(probe.usable).toBe(true);
      expect(probe.description).toMatch(/\.$/);
    });

    it("knows the surroundings of its runs", async () => {
      expect((await engine.surroundings(workplace.plan("true"))).environment.PATH).toContain("/bin");
    });

    it("reads the handles that it makes, and no version that it cannot know", () => {
      const handle = engine.handleFor(workplace.plan("true"));
      expect(handle.engine).toBe(engine.name);
      expect(engine.reads(handle.version)).toBe(true);
      expect(engine.reads(handle.version + 1)).toBe(false);
      expect(JSON.parse(JSON.stringify(handle))).toEqual(handle);
    });

    it("fills in what a plan leaves open: addresses, names of hosts, and ports that are free and differ", async () => {
      const plan = workplace.plan({
        commands: ['printf "%s\\n" "$MASTER $NAME" "$FIRST"; cat hosts; echo "$OWN"'],
        nodes: 2,
      });
      const [process] = plan.processes;
      if (!process) throw new Error("no process");
      const file = join(plan.nodes[0]?.tempDirectory ?? "", "hosts");
      await run({
        ...plan,
        environment: {
          ...plan.environment,
          MASTER: ["tcp://", { host: 0 }, ":", { port: 0 }],
          NAME: [{ hostName: 1 }, " of {host: 0}"],
          FIRST: [{ port: 0 }, " ", { port: 7 }],
        },
        files: [{ path: file, content: [{ host: 0 }, " ", { host: 1 }, "\n"] }],
        processes: [{ ...process, environment: { OWN: [{ port: 7 }] } }],
      });
      const lines = (await outputOf(plan, "stdout-proc0.txt")).trimEnd().split("\n");
      const [, address, port, name] = /^tcp:\/\/(\S+):(\d+) (\S+) of \{host: 0\}$/.exec(lines[0] ?? "") ?? [];
      expect(name).toBe(underTest.hostNames?.[1] ?? address);
      const [first, second] = (lines[1] ?? "").split(" ");
      expect(first).toBe(port);
      expect(Number(second)).toBeGreaterThan(0);
      expect(second).not.toBe(first);
      expect(lines[2]?.split(" ")[0]).toBe(address);
      expect(lines[3]).toBe(second);
    });

    it("gives single processes variables whose names the shell cannot assign to", async () => {
      const plan = workplace.plan({
        commands: ['printf "%s\\n" "$OWN"; env | grep -a "^[-a-z]*-"; echo "$1"', "true"],
      });
      const [process, other] = plan.processes;
      if (!process || !other) throw new Error("no process");
      const environment = { OWN: "own", "my-out": "/a b/c=d", "-u": "$HOME" };
      expect(await run({ ...plan, processes: [{ ...process, environment }, other] })).toEqual(exited(plan, 0));
      const lines = (await outputOf(plan, "stdout-proc0.txt")).trimEnd().split("\n");
      expect(lines.sort()).toEqual(["-u=$HOME", "my-out=/a b/c=d", "own"]);
    });

    it.each([
      ["true", 0],
      ["exit 3", 3],
      ["no-such-command-anywhere", 127],
      ["kill -KILL $$", 137],
      ["kill -TERM $$", 143],
    ])("reports the exit code of %s", async (command, exitCode) => {
      const plan = workplace.plan(command);
      expect(await run(plan)).toEqual(exited(plan, exitCode));
    });

    it("keeps standard output, standard error and a log; empty files too", async () => {
      const plan = workplace.plan("echo out; echo err >&2; read line || echo no input");
      await run(plan);
      expect(await outputOf(plan, "stdout-proc0.txt")).toBe("out\nno input\n");
      expect(await outputOf(plan, "stderr-proc0.txt")).toBe("err\n");
      expect(await outputOf(plan, "execution-node0.log")).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ .+\n/);
      const silent = workplace.plan("true");
      await run(silent);
      expect(await outputOf(silent, "stdout-proc0.txt")).toBe("");
      expect(await outputOf(silent, "stderr-proc0.txt")).toBe("");
    });

    it("runs in the scratch directory of the node, with the plan's folders, files and mounts in place", async () => {
      const source = join(workplace.folder, "share");
      await mkdir(source);
      await writeFile(join(source, "data"), "from the share");
      const target = join(workplace.folder, "mounts/deep/share");
      await mkdir(join(workplace.folder, "mounts/deep"), { recursive: true });
      await symlink(source, target);
      const made = join(target, "a/b");
      const file = join(workplace.folder, "hostfile");
      const plan = workplace.plan({
        commands: [`pwd; cat ../../../mounts/deep/share/data; cat ../../../hostfile; echo kept > "${made}/result"`],
        plan: { mounts: [{ source, target }], directories: [made], files: [{ path: file, content: "hosts\n" }] },
      });
      const handle = await start(plan);
      expect(await engine.wait(handle)).toEqual(exited(plan, 0));
      expect(await outputOf(plan, "stdout-proc0.txt")).toBe(`${plan.nodes[0]?.tempDirectory}\nfrom the sharehosts\n`);
      await engine.cleanUp(handle);
      await engine.cleanUp(handle);
      expect(await readlink(target)).toBe(source);
      expect(await readFile(join(source, "a/b/result"), "utf8")).toBe("kept\n");
      expect(await outputOf(plan, "stdout-proc0.txt")).not.toBe("");
    });

    it("hands variables and secrets to the job, and secrets to nobody else", async () => {
      const token = `s3cret-${process.pid}-${performance.now()}`;
      const hash = createHash("md5").update(token).digest("hex");
      const plan = workplace.plan({
        commands: ['echo "$PLAIN $STEP"; printf %s "$TOKEN" | md5sum; until [ -e go ]; do sleep 0.02; done'],
        preparation: ['printf %s "$TOKEN" | md5sum'],
        environment: { PLAIN: "plain value" },
      });
      const handle = await start(plan, { environment: { TOKEN: token } });
      await until("the job has written", async () => (await outputOf(plan, "stdout-proc0.txt")).includes("-\n"));
      const commandLines = (await readdir("/proc")).map((pid) => textOf(`/proc/${pid}/cmdline`));
      expect(commandLines.filter((line) => line.includes(token))).toEqual([]);
      await writeFile(join(plan.nodes[0]?.tempDirectory ?? "", "go"), "");
      expect(await engine.wait(handle)).toEqual(exited(plan, 0));
      expect(await outputOf(plan, "stdout-proc0.txt")).toBe(`plain value proc0\n${hash}  -\n`);
      expect(await outputOf(plan, "stdout-prep0.txt")).toBe(`${hash}  -\n`);
      expect(await filesWith(workplace.folder, token)).toEqual([]);
      expect(JSON.stringify(handle)).not.toContain(token);
    });

    it("runs a job with variables whose names bash, or the supervisor, uses itself", async () => {
      const names = ["FUNCNAME", "DIRSTACK", "BASH_ARGC", "batchai_unknown"];
      const used = [
        "BASH",
        "GROUPS",
        "_",
        "batchai_odd",
        "batchai_pair",
        "batchai_pairs",
        "batchai_step",
        "batchai_name",
      ];
      const environment = Object.fromEntries([...names, ...used].map((name) => [name, "/none"]));
      const command = `env | grep -E "^(${names.join("|")})="`;
      const lines = names.map((name) => `${name}=/none`).sort();
      const plan = workplace.plan({ commands: [command], environment });
      expect(await run(plan)).toEqual(exited(plan, 0));
      expect((await outputOf(plan, "stdout-proc0.txt")).trimEnd().split("\n").sort()).toEqual(lines);
      const other = workplace.plan(command);
      const [process] = other.processes;
      if (!process) throw new Error("The plan has no process.");
      expect(await run({ ...other, processes: [{ ...process, environment }] })).toEqual(exited(other, 0));
      expect((await outputOf(other, "stdout-proc0.txt")).trimEnd().split("\n").sort()).toEqual(lines);
    });

    it("delivers odd values, paths and command lines byte for byte", async () => {
      const odd = "a'b\"c\\d\n$(touch injected) `touch injected` ; touch injected # $HOME ${PATH} %s * ünï 🚀 \t-n";
      const inPath = 'o\'dd "$(touch injected)" `x` ; # ü\nname';
      const output = join(workplace.folder, inPath);
      const command = "printf %s \"$ODD\"; printf '%s' 'in''line' >&2; printf %s \"$SINGLE\" > single";
      const plan = workplace.plan({ commands: [command], environment: { ODD: odd } });
      const processes = plan.processes.map((process) => ({
        ...process,
        environment: { SINGLE: odd },
        stdout: join(output, "out"),
        stderr: join(output, "err"),
      }));
      await run({ ...plan, processes });
      expect(await readFile(join(output, "out"), "utf8")).toBe(odd);
      expect(await readFile(join(output, "err"), "utf8")).toBe("inline");
      expect(await readFile(join(plan.nodes[0]?.tempDirectory ?? "", "single"), "utf8")).toBe(odd);
      const everything = await readdir(workplace.folder, { recursive: true });
      expect(everything.filter((path) => path.endsWith("injected"))).toEqual([]);
    });

    it("is not led astray by variables that mean something to a shell", async () => {
      const trap = join(workplace.folder, "trap.sh");
      await writeFile(trap, "echo trapped; exit 99\n");
      const environment = {
        PATH: "/nowhere",
        ENV: trap,
        IFS: "e0",
        CDPATH: "/tmp",
        SHELLOPTS: "errexit",
        PS4: "$(exit 9)",
        "BASH_FUNC_printf%%": "() { echo hijacked; }",
        "not-a-name": "kept",
        code: "user's",
      };
      const plan = workplace.plan({ commands: ['echo "$PATH $code"; no-such-command; exit 20'], environment });
      expect(await run(plan)).toEqual(exited(plan, 20));
      expect(await outputOf(plan, "stdout-proc0.txt")).toBe("/nowhere user's\n");
    });

    it("does not start the processes when preparation fails", async () => {
      const plan = workplace.plan({ commands: ["echo started"], preparation: ["echo preparing; exit 7"] });
      expect(await run(plan)).toEqual(exited(plan, 7, plan.preparation[0]));
      expect(await outputOf(plan, "stdout-prep0.txt")).toBe("preparing\n");
      expect(await outputOf(plan, "stdout-proc0.txt")).toBe("");
    });

    it("prepares all nodes, each in its place, before the processes start", async () => {
      const prepare = 'sleep 0.$STEP_DELAY; basename "$(dirname "$PWD")"; touch "$WORKPLACE/prepared-$STEP"';
      const plan = workplace.plan({
        commands: ['ls "$WORKPLACE" | grep prepared'],
        preparation: [prepare, prepare, prepare],
        nodes: 3,
        environment: { STEP_DELAY: "1" },
      });
      expect(await run(plan)).toEqual(exited(plan, 0));
      expect(await outputOf(plan, "stdout-proc0.txt")).toBe("prepared-prep0\nprepared-prep1\nprepared-prep2\n");
      expect(await outputOf(plan, "stdout-prep2.txt")).toBe("node2\n");
      expect(await outputOf(plan, "execution-node2.log")).toMatch(/node2/);
    });

    it("prepares the nodes one after the other, and stops at the first that fails", async () => {
      const prepare = 'mkdir "$WORKPLACE/lock" || exit 1; sleep 0.2; rmdir "$WORKPLACE/lock"';
      const plan = workplace.plan({
        commands: ["true"],
        preparation: [prepare, `${prepare}; exit 4`, 'touch "$WORKPLACE/third"'],
        nodes: 3,
      });
      expect(await run(plan)).toEqual(exited(plan, 4, plan.preparation[1]));
      expect(await readdir(workplace.folder)).not.toContain("third");
    });

    it("takes the exit code from the process that fails first, and then ends the others", async () => {
      const plan = workplace.plan({ commands: ["sleep 60", "sleep 60", "exit 6"], nodes: 2 });
      expect(await run(plan)).toEqual(exited(plan, 6, plan.processes[2]));
      const master = workplace.plan({ commands: ["exit 5", "sleep 60", "sleep 60"], nodes: 2 });
      expect(await run(master)).toEqual(exited(master, 5));
      expect(workplace.processes()).toEqual([]);
    });

    it("lets the other processes finish after the master, and ends servers after them", async () => {
      const server = "trap 'echo stopped; exit 3' TERM; echo ready; while :; do sleep 0.02; done";
      const master = 'until [ -s "$SERVER" ]; do sleep 0.02; done; touch "$SERVER.done"';
      const worker =
        'until [ -e "$SERVER.done" ]; do sleep 0.02; done; sleep 0.5; echo "the server is $(cat "$SERVER")"';
      const plan = workplace.plan({ commands: [master, worker, server], nodes: 3 });
      const stdout = plan.processes[2]?.stdout ?? "";
      const processes = plan.processes.map((process, index): LaunchProcess => {
        return { ...process, environment: { SERVER: stdout }, ...(index === 2 ? { isServer: true } : {}) };
      });
      expect(await run({ ...plan, processes })).toEqual(exited(plan, 0));
      expect(await outputOf(plan, "stdout-proc1.txt")).toBe("the server is ready\n");
      expect(await outputOf(plan, "stdout-proc2.txt")).toBe("ready\nstopped\n");
    });

    it("fails if a process fails after the master has succeeded", async () => {
      const plan = workplace.plan({ commands: ["true", "sleep 0.5; exit 6", "sleep 60"], nodes: 2 });
      expect(await run(plan)).toEqual(exited(plan, 6, plan.processes[1]));
    });

    it("ends what a run leaves behind when it ends by itself", async () => {
      const background = 'sleep 60 & (setsid sleep 60 & ) & setsid bash -c "sleep 60; true" & disown -a; exit 2';
      const plan = workplace.plan(background);
      expect(await run(plan)).toEqual(exited(plan, 2));
      expect(workplace.processes()).toEqual([]);
    });

    it("lets a polite job clean up while it is stopped", async () => {
      await engine.close();
      engine = underTest.makeEngine(workplace.runs, 60_000);
      const plan = workplace.plan("trap 'echo saved; exit 0' TERM; echo ready; while :; do sleep 0.05; done");
      const handle = await start(plan);
      await until("the job is ready", async () => (await outputOf(plan, "stdout-proc0.txt")) !== "");
      await engine.stop(handle);
      expect(await outputOf(plan, "stdout-proc0.txt")).toBe("ready\nsaved\n");
      expect(await engine.wait(handle)).toEqual({ kind: "stopped" });
    });

    it("keeps the exit code of a run that had ended when it was stopped", async () => {
      const plan = workplace.plan("exit 8");
      const handle = await start(plan);
      expect(await engine.wait(handle)).toEqual(exited(plan, 8));
      await engine.stop(handle);
      expect(await engine.wait(handle)).toEqual(exited(plan, 8));
    });

    it("never starts what was stopped before", async () => {
      const plan = workplace.plan("touch $WORKPLACE/ran");
      const handle = await reserved(plan);
      await engine.stop(handle);
      await engine.start(plan, noSecrets, handle);
      expect(await engine.wait(handle)).toEqual({ kind: "stopped" });
      expect(await readdir(workplace.folder)).not.toContain("ran");
    });

    it("never starts what was found not started", async () => {
      const plan = workplace.plan("touch $WORKPLACE/ran");
      const handle = await reserved(plan);
      expect(await engine.recover(handle)).toEqual({ kind: "ended", end: { kind: "notStarted" } });
      expect(await engine.recover(handle)).toEqual({ kind: "ended", end: { kind: "notStarted" } });
      await engine.start(plan, noSecrets, handle);
      expect(await engine.wait(handle)).toMatchObject({ kind: "failed", code: "RunNotStarted" });
      expect(await readdir(workplace.folder)).not.toContain("ran");
    });

    it("starts once, however often it is told to", async () => {
      const plan = workplace.plan("echo attempt; sleep 0.2");
      const handle = await reserved(plan);
      const other = underTest.makeEngine(workplace.runs);
      await other.reserve(plan);
      await Promise.all([
        engine.start(plan, noSecrets, handle),
        engine.start(plan, noSecrets, handle),
        other.start(plan, noSecrets, handle),
      ]);
      expect(await engine.wait(handle)).toEqual(exited(plan, 0));
      expect(await other.wait(handle)).toEqual(exited(plan, 0));
      await other.close();
      expect(await outputOf(plan, "stdout-proc0.txt")).toBe("attempt\n");
    });

    it("stops waiting when asked to, and the run goes on", async () => {
      const plan = workplace.plan(`${workplace.gate("go")}; exit 9`);
      const handle = await start(plan);
      const abort = new AbortController();
      const waiting = engine.wait(handle, { abortSignal: abort.signal });
      abort.abort();
      await expect(waiting).rejects.toMatchObject({ name: "AbortError" });
      await expect(engine.wait(handle, { abortSignal: AbortSignal.abort() })).rejects.toMatchObject({
        name: "AbortError",
      });
      await workplace.open("go");
      expect(await engine.wait(handle)).toEqual(exited(plan, 9));
    });

    it("stops waiting when it is closed, and the next engine takes over", async () => {
      const plan = workplace.plan(`${workplace.gate("go")}; exit 9`);
      const handle = await start(plan);
      const waiting = engine.wait(handle);
      await Promise.all([expect(waiting).rejects.toMatchObject({ name: "AbortError" }), engine.close()]);
      engine = underTest.makeEngine(workplace.runs);
      expect((await engine.recover(handle)).kind).not.toBe("ended");
      await workplace.open("go");
      expect(await engine.wait(handle)).toEqual(exited(plan, 9));
    });

    it("reports what keeps a run from starting", async () => {
      const blocked = join(workplace.folder, "file");
      await writeFile(blocked, "");
      const inFile = await run(workplace.plan({ commands: ["true"], plan: { directories: [join(blocked, "x")] } }));
      expect(inFile).toMatchObject({ kind: "failed", code: "FailedStartingProcess" });
      expect(inFile).toMatchObject({ message: expect.stringContaining(blocked) as string });
      const mounts = [{ source: join(workplace.folder, "absent"), target: join(workplace.folder, "m") }];
      const unmounted = await run(workplace.plan({ commands: ["true"], plan: { mounts } }));
      expect(unmounted).toMatchObject({ kind: "failed", code: "MountFailed" });
    });

    it("finds its runs again after the service was killed, and none ran twice", async () => {
      const plans = Array.from({ length: 10 }, (_, index) => {
        const note = `echo attempt >> "$WORKPLACE/attempts-${index}"`;
        return workplace.plan(`${note}; sleep ${0.2 * index}; exit ${index + 10}`);
      });
      await startAndCrash(factory, workplace, plans);
      const exits = plans.map(async (plan) => {
        const handle = engine.handleFor(plan);
        const state = await engine.recover(handle);
        return state.kind === "ended" ? state.end : engine.wait(handle);
      });
      expect(await Promise.all(exits)).toEqual(plans.map((plan, index) => exited(plan, index + 10)));
      for (const [index] of plans.entries()) {
        expect(await readFile(join(workplace.folder, `attempts-${index}`), "utf8")).toBe("attempt\n");
      }
    });

    it("stops a run of an earlier life", async () => {
      const plan = workplace.plan("sleep 60 & setsid -f sleep 60; wait");
      await startAndCrash(factory, workplace, [plan]);
      await until("the job runs", () => workplace.processes().length >= 4);
      await engine.stop(engine.handleFor(plan));
      expect(workplace.processes()).toEqual([]);
      expect(await engine.wait(engine.handleFor(plan))).toEqual({ kind: "stopped" });
    });
  });
}

/** Paths of the files below a folder that contain a text. */
async function filesWith(folder: string, text: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const contents = await Promise.all(files.map((file) => readFile(file, "latin1")));
  return files.filter((_, index) => contents[index]?.includes(text));
}
