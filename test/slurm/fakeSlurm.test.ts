import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, it } from "vitest";
import { until } from "../until.ts";
import { FakeSlurm } from "./fakeSlurm.ts";

const execute = promisify(execFile);
let fake: FakeSlurm;
let folder: string;

beforeEach(async () => {
  fake = await FakeSlurm.open();
  folder = await mkdtemp(join(tmpdir(), "batchai-fake-"));
});

afterEach(async () => {
  await fake.close();
  await rm(folder, { recursive: true, force: true });
});

async function run(program: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, ...fake.environment, GREETING: "hello\nworld" };
  return (await execute(program, args, { env, cwd: folder, maxBuffer: 1e8 })).stdout;
}

async function submit(name: string, lines: readonly string[], ...options: string[]): Promise<string> {
  const script = join(folder, `${name}.sh`);
  await writeFile(script, ["#!/bin/bash", ...lines, ""].join("\n"), { mode: 0o755 });
  return run(
    "sbatch",
    "--parsable",
    `--job-name=${name}`,
    `--output=${join(folder, name)}`,
    ...options,
    script,
    "a b",
    "",
  );
}

it("runs the script of a job when the test starts it", async () => {
  const id = (await submit("first", ['printf "%s|" "$@" "$GREETING" "$SLURM_JOB_ID"'], "--nodes=2")).trim();
  expect(await run("squeue", "-h", "-t", "all", "-o", "%i|%T|%r|%N|%j")).toBe(`${id}|PENDING|Priority||first\n`);
  fake.start(fake.job("first"));
  await until("the job has ended", () => fake.job("first").state === "COMPLETED");
  expect(await readFile(join(folder, "first"), "utf8")).toBe(`a b||hello\nworld|${id}|`);
  expect(await run("squeue", "-h", "-o", "%i")).toBe("");
  expect(await run("scontrol", "show", "job", "-o", id)).toContain("JobState=COMPLETED");
  expect(fake.callsOf("sbatch")).toMatchObject([{ environment: { GREETING: "hello\nworld" } }]);
});

it("runs steps on the nodes that they name", async () => {
  fake.startsJobs = true;
  const lines = ['nodes=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | paste -sd,)'];
  lines.push('srun --overlap --nodelist="$nodes" bash -c \'echo "$SLURMD_NODENAME $SLURM_PROCID"\' | sort');
  await submit("steps", lines, "--nodes=3");
  await until("the job has ended", () => fake.job("steps").state === "COMPLETED");
  expect(await readFile(join(folder, "steps"), "utf8")).toBe("n1 0\nn2 1\nn3 2\n");
});

it("cancels jobs that wait and jobs that run", async () => {
  await submit("waits", ["true"]);
  await submit("runs", ["trap 'echo term; exit 1' TERM", "echo up", "sleep 1000 & wait"]);
  fake.start(fake.job("runs"));
  await until("the job runs", async () => (await readFile(join(folder, "runs"), "utf8")) === "up\n");
  await run("scancel", "--name=waits");
  await run("scancel", "--name=runs");
  await run("scancel", "--name=nobody");
  expect(fake.jobs.map(({ state }) => state)).toEqual(["CANCELLED", "CANCELLED"]);
  await until("the job has ended", async () => (await readFile(join(folder, "runs"), "utf8")).includes("term\n"));
  await expect(run("scancel", "7")).rejects.toThrow("Invalid job id");
});

it("misbehaves once, and as the test says", async () => {
  fake.misbehave("sbatch", { stderr: "sbatch: error: Socket timed out on send/recv operation\n", code: 1 });
  await expect(submit("accepted", ["true"])).rejects.toThrow("Socket timed out");
  expect(fake.job("accepted").state).toBe("PENDING");
  fake.misbehave("sbatch", { isCarriedOut: false, stderr: "sbatch: error: invalid partition specified: x\n", code: 1 });
  await expect(submit("refused", ["true"])).rejects.toThrow("invalid partition");
  fake.misbehave("sbatch", { stdout: (output) => `Welcome!\n${output}` });
  expect(await submit("banner", ["true"])).toMatch(/^Welcome!\n\d+\n$/);
  fake.cluster = "east";
  expect(await submit("cluster", ["true"])).toMatch(/^\d+;east\n$/);
  expect(fake.jobs).toHaveLength(3);
  fake.isDown = true;
  await expect(run("squeue", "-h")).rejects.toThrow("Unable to contact slurm controller");
  fake.behave();
  expect(await run("squeue", "-h")).toContain("accepted");
  expect(fake.callsOf("squeue")).toHaveLength(2);
});

it("hangs until it is killed", async () => {
  fake.misbehave("squeue", { hangs: true });
  const env = { ...process.env, ...fake.environment };
  const call = execute("squeue", ["-h"], { env, timeout: 500, killSignal: "SIGKILL" });
  await expect(call).rejects.toMatchObject({ killed: true });
  expect(await run("squeue", "-h")).toBe("");
});

it("prints 10,000 lines", async () => {
  for (let count = 0; count < 10_000; count++) fake.add({ name: `batchai-${count}`, state: "RUNNING" });
  const lines = (await run("squeue", "-h", "-t", "all", "-o", "%i|%T|%r|%S|%N|%V|%j", "-u", "root")).split("\n");
  expect(lines).toHaveLength(10_001);
});
