import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { textOf } from "../engines/workplace.ts";
import { titleOf } from "../programs.ts";
import { until } from "../until.ts";
import { sharedSlurm } from "./sharedSlurm.ts";
import { SlurmBed } from "./slurmBed.ts";
import { slurmObstacle } from "./slurmObstacle.ts";
import type { SlurmSite } from "./slurmSite.ts";

const obstacle = slurmObstacle();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "batchai-slurm-"));
  await chmod(folder, 0o777);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

function processesWith(text: string): string[] {
  return readdirSync("/proc").filter((pid) => /^\d+$/.test(pid) && textOf(`/proc/${pid}/cmdline`).includes(text));
}

/** Submits a script and returns the ID of its job. The script's output is in the file `name` of the folder. */
async function submit(site: SlurmSite, name: string, lines: readonly string[], ...args: string[]): Promise<string> {
  const script = join(folder, `${name}.sh`);
  await writeFile(script, ["#!/bin/bash", ...lines, ""].join("\n"), { mode: 0o755 });
  const options = ["--parsable", "--export=ALL", "--no-requeue", `--output=${join(folder, name)}`];
  return (await site.run("sbatch", ...options, ...args, script)).trim();
}

async function stateOf(site: SlurmSite, job: string): Promise<string> {
  return (await site.run("squeue", "-h", "-t", "all", "-o", "%T", "-j", job)).trim();
}

async function ended(site: SlurmSite, job: string, state: string): Promise<void> {
  await until(`job ${job} is ${state}`, async () => (await stateOf(site, job)) === state);
}

describe.skipIf(obstacle)(titleOf("the shared test bed for Slurm", obstacle), () => {
  it("runs a job on two nodes that have names and disks of their own", async () => {
    const site = await sharedSlurm();
    const mark = join(site.scratchDirectory, `mark-${process.pid}`);
    const lines = [`srun --label bash -c 'hostname; ls ${mark} 2>&1; touch ${mark}' | sort`];
    const job = await submit(site, "two", lines, "--nodes=2", "--ntasks-per-node=1");
    await ended(site, job, "COMPLETED");
    const output = (await readFile(join(folder, "two"), "utf8")).trim().split("\n");
    expect(output.filter((line) => /^[01]: n[1-4]$/.test(line))).toHaveLength(2);
    expect(new Set(output.map((line) => line.slice(3))).size).toBe(3);
    expect(output.filter((line) => line.includes("No such file"))).toHaveLength(2);
  });

  it("runs jobs of ordinary users", async () => {
    const site = await sharedSlurm();
    const script = join(folder, "user.sh");
    await writeFile(script, "#!/bin/bash\nid -un\nsrun id -un\n", { mode: 0o755 });
    // Slurm reports a TMPDIR in which the user cannot write.
    const user = ["-u", "TMPDIR", "setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"];
    const options = ["--parsable", "--export=ALL", `--chdir=${folder}`, `--output=${join(folder, "user")}`];
    const job = (await site.run("env", ...user, "sbatch", ...options, script)).trim();
    await ended(site, job, "COMPLETED");
    expect(await readFile(join(folder, "user"), "utf8")).toBe("nobody\nnobody\n");
  });

  it("gives jobs the GPUs that they ask for, and no others", async () => {
    const site = await sharedSlurm();
    const job = await submit(site, "gpus", ["echo $CUDA_VISIBLE_DEVICES"], "--gres=gpu:2");
    await ended(site, job, "COMPLETED");
    expect(await readFile(join(folder, "gpus"), "utf8")).toBe("0,1\n");
    await expect(submit(site, "three", ["true"], "--gres=gpu:3")).rejects.toThrow("not available");
  });

  it("ends a short job soon after its submit", async () => {
    const site = await sharedSlurm();
    const times = [];
    for (const name of ["first", "second", "third", "fourth", "fifth"]) {
      const begin = performance.now();
      const job = await submit(site, name, ["true"]);
      await ended(site, job, "COMPLETED");
      times.push(performance.now() - begin);
    }
    // A machine with other work takes longer, but not each time.
    expect(Math.min(...times)).toBeLessThan(2000);
  });
});

describe.skipIf(obstacle)(titleOf("a test bed for Slurm", obstacle), () => {
  it("keeps jobs while the controller or a daemon is killed and started again", async () => {
    const bed = await SlurmBed.open();
    try {
      const gate = join(folder, "gate");
      const wait = [`until [[ -e ${gate} ]]; do sleep 0.1; done`, "echo done"];
      const job = await submit(bed, "kept", wait, "--nodelist=n1");
      await until("the job runs", async () => (await stateOf(bed, job)) === "RUNNING");
      // The controller writes its state within seconds after a change; before, it would not know again that the job runs.
      const began = Date.now();
      await bed.run("scontrol", "update", `JobId=${job}`, "Comment=change");
      await until(
        "the controller has stored it",
        () => statSync(join(bed.folder, "state", "job_state")).mtimeMs > began,
      );
      await bed.killController();
      await bed.killDaemon("n1");
      await Promise.all([bed.startController(), bed.startNode("n1")]);
      expect(await stateOf(bed, job)).toBe("RUNNING");
      await writeFile(gate, "");
      await ended(bed, job, "COMPLETED");
      expect(await readFile(join(folder, "kept"), "utf8")).toBe("done\n");
    } finally {
      await bed.close();
    }
  });

  it("fails the job of a node that was killed, and uses the node again once it has started", async () => {
    const bed = await SlurmBed.open();
    try {
      const mark = `98764${process.pid % 1000}`;
      const job = await submit(bed, "failed", [`sleep ${mark}`], "--nodelist=n2");
      await until("the job runs", () => processesWith(`sleep\0${mark}`).length > 0);
      await bed.failNode("n2");
      expect(processesWith(`sleep\0${mark}`)).toEqual([]);
      await ended(bed, job, "NODE_FAIL");
      await bed.startNode("n2");
      const next = await submit(bed, "next", ["hostname"], "--nodelist=n2");
      await ended(bed, next, "COMPLETED");
      expect(await readFile(join(folder, "next"), "utf8")).toBe("n2\n");
    } finally {
      await bed.close();
    }
  });

  it("stops and continues the controller and a daemon", async () => {
    const bed = await SlurmBed.open();
    try {
      bed.pauseController();
      const call = execFile("squeue", { env: { ...process.env, ...bed.environment }, timeout: 1000 });
      expect(await once(call, "exit")).toEqual([null, "SIGTERM"]);
      bed.resumeController();
      await bed.pauseDaemon("n3");
      const job = await submit(bed, "delayed", ["true"], "--nodelist=n3");
      expect(await stateOf(bed, job)).not.toBe("COMPLETED");
      await bed.resumeDaemon("n3");
      await ended(bed, job, "COMPLETED");
    } finally {
      await bed.close();
    }
  });

  it("leaves nothing when it closes", async () => {
    const bed = await SlurmBed.open();
    const mark = `98763${process.pid % 1000}`;
    try {
      await submit(bed, "left", [`srun sleep ${mark}`], "--nodes=4", "--ntasks-per-node=1");
      await until("the job runs", () => processesWith(`sleep\0${mark}`).length > 4);
    } finally {
      await bed.close();
    }
    expectNothingLeft(bed.folder, mark);
    expect(readdirSync("/var/tmp")).not.toContain(bed.folder.split("/").at(-1));
  });

  it("leaves no process and no mount when the process that opened it is killed", async () => {
    const opener = [
      `const { SlurmBed } = await import(${JSON.stringify(new URL("./slurmBed.ts", import.meta.url).href)});`,
      "const bed = await SlurmBed.open();",
      "console.log(bed.folder);",
      "setInterval(() => undefined, 1000);",
    ];
    const process_ = spawn(process.execPath, ["--input-type=module", "--eval", opener.join("\n")], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(process_.stdout, "data")) as [Buffer];
    const left = line.toString().trim();
    expect(processesWith("slurmd").filter((pid) => textOf(`/proc/${pid}/environ`).includes(left))).not.toEqual([]);
    process_.kill("SIGKILL");
    await until("all processes have ended", () => processesWith(left).length === 0);
    expectNothingLeft(left, left);
    await rm(left, { recursive: true, force: true });
  });
});

function expectNothingLeft(bed: string, mark: string): void {
  expect(processesWith(bed)).toEqual([]);
  expect(processesWith(mark)).toEqual([]);
  const processes = readdirSync("/proc").filter((pid) => /^\d+$/.test(pid));
  expect(processes.filter((pid) => textOf(`/proc/${pid}/environ`).includes(bed))).toEqual([]);
  expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(bed);
}
