import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { textOf } from "../engines/workplace.ts";
import { missingModules, missingPrograms, reasonOf, titleOf } from "../programs.ts";
import { until } from "../until.ts";
import { sharedSlurm } from "./sharedSlurm.ts";
import { slurmObstacle } from "./slurmObstacle.ts";
import type { SlurmSite } from "./slurmSite.ts";

// What the engine relies on. It was found out with Slurm 22.05 and Open MPI 4.1.
const obstacle = slurmObstacle();
const withoutMpi = reasonOf([...missingPrograms(["mpirun"]), ...missingModules(["mpi4py"], "/usr/bin/python3")]);
let folder: string;
let site: SlurmSite;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "batchai-facts-"));
  if (obstacle === undefined) site = await sharedSlurm();
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Submits a script that runs in the folder, and returns the ID of its job. */
async function submit(name: string, lines: readonly string[], ...args: string[]): Promise<string> {
  const script = join(folder, `${name}.sh`);
  await writeFile(script, ["#!/bin/bash", `cd ${folder}`, ...lines, ""].join("\n"), { mode: 0o755 });
  const options = ["--parsable", "--no-requeue", "--ntasks-per-node=1", `--output=${join(folder, `${name}.output`)}`];
  return (await site.run("sbatch", ...options, ...args, script)).trim();
}

async function stateOf(job: string): Promise<string> {
  return (await site.run("squeue", "-h", "-t", "all", "-o", "%T", "-j", job)).trim();
}

async function ended(job: string): Promise<void> {
  await until(`job ${job} has ended`, async () => !/PENDING|RUNNING|COMPLETING|CONFIGURING/.test(await stateOf(job)));
}

function outputOf(name: string): string {
  return textOf(join(folder, `${name}.output`));
}

/** Lines of a step that writes to NAME.step what happens to it, and ends two minutes later at the latest. */
function stepLines(name: string): string[] {
  const traps = `for each in TERM INT HUP; do trap "echo $each >>${name}.step" $each; done`;
  const loop = `echo up >>${name}.step; for ((i = 0; i < 600; i++)); do touch ${name}.alive; sleep 0.2; done`;
  return [
    "last=$(scontrol show hostnames | tail -n 1)",
    `srun --overlap --nodes=1 --ntasks=1 --nodelist=$last bash -c '${traps}; ${loop}' </dev/null &`,
    "step=$!",
    `until [[ -e ${name}.step ]]; do sleep 0.1; done`,
  ];
}

/** Lines that wait until a step no longer touches its file. */
function untilDead(name: string): string[] {
  return [`rm -f ${name}.alive`, `sleep 1`, `while [[ -e ${name}.alive ]]; do rm ${name}.alive; sleep 1; done`];
}

describe.skipIf(obstacle)(titleOf("Slurm", obstacle), () => {
  it("replaces the environment of steps with --export=NONE, unless the script sets SLURM_EXPORT_ENV", async () => {
    const step = "srun --overlap --nodes=1 --ntasks=1 /bin/bash -c 'echo \"mark=$MARK\"'";
    const lines = ["export MARK=here", step, "export SLURM_EXPORT_ENV=ALL", step];
    await ended(await submit("none", lines, "--export=NONE"));
    expect(outputOf("none")).toBe("mark=\nmark=here\n");
  });

  it("kills a step at once if its srun gets SIGTERM", async () => {
    const lines = [...stepLines("term"), "kill -TERM $step", "wait $step", 'echo "exit $?"', ...untilDead("term")];
    await ended(await submit("term", lines, "--nodes=2", "--export=ALL"));
    expect(outputOf("term")).toContain("exit 137\n");
    // It had no time to react.
    expect(textOf(join(folder, "term.step"))).toBe("up\n");
  });

  it("ends a step if its srun is killed, because a second process of srun sees it", async () => {
    const lines = [...stepLines("kill"), "kill -KILL $step", ...untilDead("kill"), "echo ended"];
    await ended(await submit("kill", lines, "--nodes=2", "--export=ALL"));
    expect(outputOf("kill")).toContain("ended\n");
    expect(textOf(join(folder, "kill.step"))).toBe("up\n");
  });

  it("keeps a step if both processes of its srun are killed, until its job ends", async () => {
    const killed = "kill -KILL $step $(</proc/$step/task/$step/children)";
    const lines = [...stepLines("both"), killed, "sleep 3", "rm both.alive", "sleep 1", "ls both.alive"];
    const job = await submit("both", lines, "--nodes=2", "--export=ALL");
    await ended(job);
    expect(outputOf("both")).toContain("both.alive\n");
    expect(outputOf("both")).not.toContain("cannot access");
    await until("the step has ended", async () => {
      await rm(join(folder, "both.alive"), { force: true });
      await delay(500);
      return !existsSync(join(folder, "both.alive"));
    });
  });

  it("sends SIGTERM to the script and its steps after scancel, and SIGKILL after KillWait", async () => {
    const wait = ['trap "echo script >>cancel.step" TERM', "echo ready >>cancel.step", "while :; do sleep 0.1; done"];
    const job = await submit("cancel", [...stepLines("cancel"), ...wait], "--nodes=2", "--export=ALL");
    await until("the job runs", () => textOf(join(folder, "cancel.step")).includes("ready"));
    await site.run("scancel", job);
    await until("both know", () => textOf(join(folder, "cancel.step")).includes("TERM"));
    await until("the script knows", () => textOf(join(folder, "cancel.step")).includes("script\n"));
    await ended(job);
    expect(await stateOf(job)).toBe("CANCELLED");
  });

  // The allocation limits the ranks of a node to its tasks, whatever the host file says, and a step sees only its own.
  it.skipIf(withoutMpi).for([2, 4])(
    "lets Open MPI run two ranks on each of %d nodes with a host file of their names",
    async (nodes) => {
      const lines = [
        'scontrol show hostnames | sed "s/$/ slots=2/" >hosts',
        `export SLURM_TASKS_PER_NODE="2(x${nodes})"`,
        "export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1",
        `mpirun --hostfile hosts -np ${2 * nodes} /usr/bin/python3 rank.py`,
      ];
      const rank = "from mpi4py import MPI\nimport os\nnames = MPI.COMM_WORLD.gather(os.uname().nodename)\n";
      await writeFile(join(folder, "rank.py"), `${rank}if names: print(" ".join(sorted(names)))\n`);
      await ended(await submit(`mpi${nodes}`, lines, `--nodes=${nodes}`, "--export=ALL"));
      const names = outputOf(`mpi${nodes}`).trim().split(" ");
      expect(names).toHaveLength(2 * nodes);
      expect(new Set(names).size).toBe(nodes);
    },
  );
});
