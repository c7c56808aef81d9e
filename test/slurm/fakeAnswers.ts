import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArguments, type FakeArguments } from "./fakeArguments.ts";
import { descriptionOf, isActive, lineOf, type FakeJob } from "./fakeJob.ts";
import type { FakeProgram, FakeSlurm } from "./fakeSlurm.ts";

/** A call of a fake program. */
export interface FakeCall {
  readonly program: FakeProgram;
  readonly args: readonly string[];
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** What a fake program prints, and its exit code. */
export interface Answer {
  readonly stdout: string;
  readonly stderr?: string;
  /** Default: 0. */
  readonly code?: number;
}

/** Carries out a call as Slurm does. */
export function answerOf(call: FakeCall, fake: FakeSlurm): Answer {
  if (fake.isDown) return { stdout: "", stderr: unreachable[call.program], code: 1 };
  const parsed = parseArguments(call.args, call.program === "sbatch");
  switch (call.program) {
    case "sbatch":
      return submit(call, parsed, fake);
    case "squeue":
      return list(parsed, fake);
    case "scancel":
      return cancel(parsed, fake);
    case "scontrol":
      return control(parsed, fake);
    case "srun":
      return { stdout: "", stderr: "srun: error: not faked\n", code: 1 };
  }
}

const unreachable: Readonly<Record<FakeProgram, string>> = {
  sbatch: "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)\n",
  squeue: "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n",
  scancel: "scancel: error: slurm_kill_job2: Unable to contact slurm controller (connect failure)\n",
  scontrol: "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n",
  srun: "srun: error: Unable to allocate resources: Unable to contact slurm controller (connect failure)\n",
};

function submit(call: FakeCall, { options, operands }: FakeArguments, fake: FakeSlurm): Answer {
  const [script, ...args] = operands;
  if (script === undefined) return { stdout: "", stderr: "sbatch: error: no script\n", code: 1 };
  const folder = options.chdir ?? call.folder;
  const job = fake.add({
    name: options["job-name"] ?? script,
    nodeCount: Number(options.nodes ?? "1"),
    partition: options.partition ?? "main",
    reason: "Priority",
    options: call.args.slice(0, call.args.length - operands.length),
    script: readFileSync(resolve(call.folder, script), "utf8"),
    args,
    folder,
    environment: call.environment,
  });
  job.output = resolve(folder, outputOf(options.output ?? "slurm-%j.out", job));
  if (fake.startsJobs) fake.start(job);
  const id = fake.cluster === undefined ? job.id : `${job.id};${fake.cluster}`;
  return { stdout: options.parsable === undefined ? `Submitted batch job ${job.id}\n` : `${id}\n` };
}

/** Replaces `%%`, `%j` and `%x` in the name of a file of output. */
function outputOf(pattern: string, job: FakeJob): string {
  const values: Readonly<Record<string, string>> = { "%": "%", j: job.id, x: job.name };
  return pattern.replaceAll(/%(.)/g, (all, letter: string) => values[letter] ?? all);
}

function list({ options }: FakeArguments, fake: FakeSlurm): Answer {
  const names = options.name?.split(",");
  const ids = options.jobs?.split(",");
  const user = options.user;
  if (ids?.length === 1 && !fake.jobs.some(({ id }) => id === ids[0])) {
    return { stdout: "", stderr: "slurm_load_jobs error: Invalid job id specified\n", code: 1 };
  }
  const states = options.states?.toUpperCase().split(",");
  const lines = fake.jobs
    .filter((job) => (states === undefined ? isActive(job) : states.includes("ALL") || states.includes(job.state)))
    .filter(({ name }) => names?.includes(name) ?? true)
    .filter(({ id }) => ids?.includes(id) ?? true)
    .filter((job) => user === undefined || job.user === user || user === "0")
    .map((job) => `${lineOf(job, options.format ?? "%i %P %j %u %T %D %N %r")}\n`);
  const header = options.noheader === undefined ? ["JOBID\n"] : [];
  return { stdout: [...header, ...lines].join("") };
}

function cancel({ options, operands }: FakeArguments, fake: FakeSlurm): Answer {
  const unknown = operands.filter((id) => !fake.jobs.some((job) => job.id === id));
  const isMeant = ({ id, name, state }: FakeJob): boolean =>
    (operands.length > 0 ? operands.includes(id) : options.name?.split(",").includes(name) === true) &&
    (options.state === undefined || options.state === state);
  for (const job of fake.jobs.filter((each) => isActive(each) && isMeant(each))) {
    if (options.signal === undefined) fake.cancel(job);
    else if (options.batch === undefined) fake.signal(job, `SIG${options.signal}` as NodeJS.Signals);
    else job.process?.kill(`SIG${options.signal}` as NodeJS.Signals);
  }
  if (unknown.length === 0) return { stdout: "" };
  const stderr = unknown.map((id) => `scancel: error: Kill job error on job id ${id}: Invalid job id specified\n`);
  return { stdout: "", stderr: stderr.join(""), code: 1 };
}

function control({ operands }: FakeArguments, fake: FakeSlurm): Answer {
  const [verb = "", what = "", value = ""] = operands;
  const command = `${verb} ${what}`;
  if (command === "show config") return { stdout: `MinJobAge               = ${fake.minJobAgeInSeconds} sec\n` };
  if (command === "show hostnames")
    return {
      stdout: hostNames(value)
        .map((name) => `${name}\n`)
        .join(""),
    };
  if (command === "show node") return { stdout: `NodeName=${value} NodeAddr=127.0.0.1 NodeHostName=${value}\n` };
  if (command === "show job") {
    const found = fake.jobs.filter(({ id }) => value === "" || id === value);
    if (found.length > 0) return { stdout: found.map((job) => `${descriptionOf(job)}\n`).join("") };
    return { stdout: "", stderr: "slurm_load_jobs error: Invalid job id specified\n", code: 1 };
  }
  return { stdout: "", stderr: `scontrol: error: ${operands.join(" ")} is not faked\n`, code: 1 };
}

/** Returns the names in a list such as `n[1-3]` or `n1,n2`. */
function hostNames(list: string): string[] {
  const [, prefix, first, last] = /^(.*)\[(\d+)-(\d+)\]$/.exec(list) ?? [];
  if (prefix === undefined) return list.split(",");
  return Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => prefix + String(Number(first) + index));
}
