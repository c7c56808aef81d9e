/*
 * Ways to limit runs that few machines have, with stand-ins: folders of plain files for a hierarchy of control groups, and
 * a script for systemd-run. They show what the service asks of Linux, not what Linux does with it.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LaunchLimits, LaunchPlan, RunEnd, RunHandle } from "../../src/service/engines/engine.ts";
import { CoreMasks, coresIn } from "../../src/service/engines/local/limits/coreMasks.ts";
import type { LimitMachine } from "../../src/service/engines/local/limits/groupWay.ts";
import { ProcessEngine } from "../../src/service/engines/local/processEngine.ts";
import { until } from "../until.ts";
import { textOf, Workplace } from "./workplace.ts";

const memoryInBytes = 2 * 1024 ** 3;
const outOfMemory = { limitInBytes: memoryInBytes };
const exited = { kind: "exited", phase: "processes", exitCode: 0 };

let workplace: Workplace;
let engine: ProcessEngine;
/** Messages of the engine. */
let said: Record<string, unknown>[];
let proc: string;
let tree: string;

beforeEach(async () => {
  workplace = await Workplace.make();
  said = [];
  proc = join(workplace.folder, "proc");
  tree = join(workplace.folder, "cgroup");
  await mkdir(join(proc, "self"), { recursive: true });
  await mkdir(tree);
  const mount = tree.replaceAll(" ", "\\040");
  await writeFile(join(proc, "self/mountinfo"), `29 23 0:26 / ${mount} rw,relatime - cgroup2 cgroup2 rw\n`);
  await writeFile(join(proc, "self/status"), "Name:\tnode\nCpus_allowed_list:\t0-1\n");
  await writeFile(join(proc, "self/cgroup"), "0::/batchai.service\n");
});

afterEach(async () => {
  await engine.close();
  const left = workplace.processes();
  await workplace.remove();
  expect(left).toEqual([]);
});

function openEngine(machine: Partial<LimitMachine>): void {
  const debug = (details: Record<string, unknown>): number => said.push(details);
  const silent = (): void => undefined;
  const logger = { debug, info: silent, warn: silent, error: silent };
  const managerFolder = join(workplace.folder, "manager");
  const places = { proc, isRoot: false, isUnit: false, managerFolder, ...machine };
  engine = new ProcessEngine({ runsFolder: workplace.runs, gracePeriodInMs: 1000, logger, machine: places });
}

function planOf(command: string, limits: LaunchLimits): LaunchPlan {
  return workplace.plan({ commands: [command], plan: { limits } });
}

async function start(plan: LaunchPlan, environment: Record<string, string> = {}): Promise<RunHandle> {
  await engine.reserve(plan);
  const handle = engine.handleFor(plan);
  await engine.start(plan, { environment }, handle);
  return handle;
}

async function run(plan: LaunchPlan, environment?: Record<string, string>): Promise<RunEnd> {
  return engine.wait(await start(plan, environment));
}

const outputOf = (plan: LaunchPlan): Promise<string> => workplace.read(plan, "stdout-proc0.txt");
const logOf = (plan: LaunchPlan): Promise<string> => workplace.read(plan, "execution-node0.log");

describe("limits by a delegated control group of version 2, with a folder in its place", () => {
  const groupOf = ({ runId }: LaunchPlan): string => join(tree, "batchai.service", `batchai-${runId}`);

  /** Creates a group as the kernel would. */
  async function createGroup(path: string, procs: string): Promise<void> {
    const folder = join(tree, path);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "cgroup.controllers"), "cpuset cpu io memory pids\n");
    for (const [file, text] of Object.entries({ "cgroup.procs": procs, "cgroup.subtree_control": "" })) {
      await writeFile(join(folder, file), text);
    }
  }

  const read = (path: string): string => textOf(join(tree, path));

  it("moves the service out of the way, and puts a run into its group", async () => {
    await createGroup("batchai.service", `${process.pid}\n`);
    openEngine({});
    await engine.probe();
    expect(read("batchai.service/service/cgroup.procs")).toBe(`${process.pid}\n`);
    expect(read("batchai.service/cgroup.subtree_control")).toBe("+memory\n+cpu\n");
    const way = "a control group (cgroup version 2)";
    expect(said).toEqual([{ memory: way, cores: way }]);

    const plan = planOf('echo "$PPID"', { memoryInBytes, cores: 0.5 });
    expect(await run(plan)).toEqual(exited);
    const files = ["cgroup.procs", "memory.max", "cpu.max"].map((file) => textOf(join(groupOf(plan), file)));
    expect(files).toEqual([await outputOf(plan), String(memoryInBytes), "50000 100000"]);
    await rm(groupOf(plan), { recursive: true });
  });

  it("reports a run that was killed for lack of memory, and removes its group", async () => {
    await createGroup("batchai.service/service", `${process.pid}\n`);
    await createGroup("batchai.service", "");
    await writeFile(join(proc, "self/cgroup"), "0::/batchai.service/service\n");
    openEngine({});
    const plan = planOf("", { memoryInBytes });
    const events = join(groupOf(plan), "memory.events");
    const command = `printf '%s\\n' 'max 7' 'oom 1' 'oom_kill 1' 'oom_group_kill 0' > '${events}'; exit 137`;
    const killed = { ...plan, processes: plan.processes.map((step) => ({ ...step, commandLine: command })) };
    expect(await run(killed)).toMatchObject({ exitCode: 137, outOfMemory });
    for (const file of ["memory.events", "memory.max", "cgroup.procs"]) await rm(join(groupOf(plan), file));
    await until("its group is removed", () => !existsSync(groupOf(plan)));
  });

  it.each([
    ["in which other processes are", "1\n", false],
    ["to which systemd must be able to add a process when it starts the unit again", "", true],
  ])("leaves a group alone %s", async (_, others, isUnit) => {
    await createGroup("batchai.service", `${process.pid}\n${others}`);
    openEngine({ isUnit });
    const plan = planOf("true", { memoryInBytes });
    expect(await run(plan)).toEqual(exited);
    expect(existsSync(join(tree, "batchai.service/service"))).toBe(false);
    expect(await logOf(plan)).toContain("The memory limit of 2 GiB is not enforced: ");
  });

  it("runs a job without its group if the system no longer lets it enter", async () => {
    await createGroup("batchai.service", `${process.pid}\n`);
    openEngine({});
    await engine.probe();
    const plan = planOf("true", { memoryInBytes, cores: 1 });
    await mkdir(join(groupOf(plan), "cgroup.procs"), { recursive: true });
    expect(await run(plan)).toEqual(exited);
    expect(await logOf(plan)).toMatch(/cannot be enforced with a control group \(cgroup version 2\): .*cgroup.procs/);
    expect(await logOf(plan)).toContain("The memory limit of 2 GiB is not enforced: ");
    await rm(groupOf(plan), { recursive: true });
  });
});

describe("limits by systemd, with a script in the place of systemd-run", () => {
  let calls: string;

  async function installSystemd(version: number): Promise<Partial<LimitMachine>> {
    const programs = join(workplace.folder, "programs");
    calls = join(workplace.folder, "calls");
    await mkdir(programs);
    await mkdir(join(workplace.folder, "manager/systemd"), { recursive: true });
    await writeFile(join(workplace.folder, "manager/systemd/private"), "");
    const script = `#!/bin/bash
[[ $1 == --version ]] && { echo 'systemd ${version} (${version}.1)'; exit; }
[[ -e '${workplace.folder}/broken' ]] && { echo 'Failed to connect to bus' >&2; exit 1; }
printf '%s\\n' "XDG_RUNTIME_DIR=$XDG_RUNTIME_DIR" "LD_SECRET=$LD_SECRET" "$*" >> '${calls}'
group='${tree}'$(sed -n 's/^0:://p' /proc/self/cgroup)
mkdir -p "$group"
for word; do
  case $word in
    --property=MemoryMax=*) echo "\${word##*=}" > "$group/memory.max" ;;
    --property=CPUQuota=*) word=\${word##*=}; echo "\${word%\\%}000 100000" > "$group/cpu.max" ;;
  esac
done
while [[ $1 != -- ]]; do shift; done
INVOCATION_ID=f00 exec "\${@:2}"
`;
    await writeFile(join(programs, "systemd-run"), script);
    await chmod(join(programs, "systemd-run"), 0o755);
    return { path: `${programs}:${process.env.PATH ?? ""}` };
  }

  it("starts a scope for each run, without the variables that the job and systemd mean differently", async () => {
    openEngine(await installSystemd(254));
    await engine.probe();
    expect(said).toEqual([{ memory: "a systemd scope", cores: "a systemd scope" }]);
    const command = 'echo "$LD_SECRET|${XDG_RUNTIME_DIR-none}|$INVOCATION_ID${!batchai_*}"';
    const plan = planOf(command, { memoryInBytes, cores: 2 });
    expect(await run(plan, { LD_SECRET: "s3cret" })).toEqual(exited);
    expect(await outputOf(plan)).toBe("s3cret|none|\n");
    const call = textOf(calls).split("XDG_RUNTIME_DIR=").at(-1) ?? "";
    expect(call).toMatch(`${workplace.folder}/manager\nLD_SECRET=\n--user --scope --quiet --collect `);
    expect(call).toMatch(
      `--unit=batchai-${plan.runId} --property=OOMPolicy=continue --expand-environment=no --property=MemoryMax=${memoryInBytes} `,
    );
    expect(call).toContain("--property=MemorySwapMax=0 --property=CPUQuota=200% -- /");
    expect(call).not.toContain("s3cret");

    const other = planOf(command, { cores: 1 });
    expect(await run(other, { XDG_RUNTIME_DIR: "/mine" })).toEqual(exited);
    expect(await outputOf(other)).toBe("|/mine|\n");
  });

  it("reads from the scope that processes were killed for lack of memory", async () => {
    openEngine(await installSystemd(252));
    const path = '"$(sed -n s/^0:://p /proc/self/cgroup)"';
    const plan = planOf(`echo 'oom_kill 2' > '${tree}'${path}/memory.events; exit 1`, { memoryInBytes });
    expect(await run(plan)).toMatchObject({ exitCode: 1, outOfMemory });
    expect(textOf(calls)).not.toMatch(/--expand-environment|OOMPolicy/);
  });

  it("runs a job with fewer limits if the manager no longer responds", async () => {
    openEngine(await installSystemd(252));
    await engine.probe();
    await writeFile(join(workplace.folder, "broken"), "");
    const plan = planOf("grep Cpus_allowed_list /proc/self/status", { memoryInBytes, cores: 1 });
    expect(await run(plan)).toEqual(exited);
    expect(await outputOf(plan)).toMatch(/:\t[01]\n/);
    expect(await logOf(plan)).toContain("cannot be enforced with a systemd scope: Failed to connect to bus\n");
    expect(await logOf(plan)).toContain("The memory limit of 2 GiB is not enforced: ");
  });
});

describe("limits for a user without rights", () => {
  const isRoot = process.getuid?.() === 0;

  beforeEach(() => {
    openEngine({});
  });

  it.skipIf(!isRoot)("are those of taskset, and the log says so (needs root, to become that user)", async () => {
    await chmod(workplace.folder, 0o777);
    const command = "nproc; grep Cpus_allowed_list /proc/self/status";
    const plan = planOf(command, { memoryInBytes, cores: 1 });
    const planFile = join(workplace.folder, "plan.json");
    await writeFile(planFile, JSON.stringify(plan));
    const script = fileURLToPath(new URL("./unprivilegedService.ts", import.meta.url));
    const user = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    const { stdout } = await promisify(execFile)("setpriv", [
      ...user,
      process.execPath,
      script,
      workplace.runs,
      planFile,
    ]);
    expect(JSON.parse(stdout)).toEqual({ found: { memory: "not limited", cores: "taskset" }, end: exited });
    expect(await outputOf(plan)).toMatch(/^1\n.*:\t\d+\n$/);
    const log = await logOf(plan);
    expect(log.match(/The memory limit of 2 GiB is not enforced: /g)).toHaveLength(1);
    expect(log).not.toContain("core");
  });

  it("gives each run the cores that the fewest others use", () => {
    const masks = new CoreMasks(coresIn("0-2,8"));
    expect(masks.take("a", 2)).toEqual([0, 1]);
    expect(masks.take("b", 1.5)).toEqual([2, 8]);
    expect(masks.take("c", 1)).toEqual([0]);
    expect(masks.take("d", 2)).toEqual([1, 2]);
    masks.release("a");
    expect(masks.take("e", 3)).toEqual([0, 1, 8]);
    expect(masks.take("f", 4)).toBeUndefined();
  });

  it("does nothing for a run without limits", async () => {
    const plan = planOf("true", {});
    expect(await run(plan)).toEqual(exited);
    expect(await logOf(plan)).not.toContain("limit");
  });
});
