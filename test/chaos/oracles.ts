import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { containersLeft } from "../containers/containersLeft.ts";
import type { World } from "./disturbances/disturbance.ts";
import { databaseScript } from "./disturbances/lockedDatabase.ts";
import { type Again, judge, type ShownJob } from "./judge.ts";
import type { JobRecord } from "./ledger.ts";
import { linesOf, type Lines } from "./lines.ts";
import { descriptorsOf, look, memoryOf, signal } from "./processes.ts";

/** Time without any progress after which jobs count as stuck. */
const drainLimitInMs = 20_000;
/** Time for which a state may differ from the truth. */
const truthLimitInMs = 10_000;
/** Containers start and end more slowly than processes. */
const containerPatience = 3;
/** A job that Slurm has forgotten is lost only after two minutes without a sign of life. */
const slurmPatience = 9;
const mostJobs = 250;
const mostMemoryInMb = 350;

/** Checks everything while nothing disturbs the service. The clients are paused. */
export async function checkQuietService(world: World): Promise<void> {
  const { report } = world;
  const begin = performance.now();
  await world.clients.scale(3);
  const jobs = await untilDrained(world);
  report.sample("quiet after ms", performance.now() - begin);
  checkAcknowledgedJobs(world, jobs);
  await checkExperiments(world);
  await checkNodes(world);
  await checkOutputFiles(world);
  checkDatabase(world);
  checkProcesses(world);
  await checkContainers(world);
  await checkQueue(world);
  sampleResources(world);
  await forgetOldJobs(world);
}

/** Deletes everything, stops the service, and checks that nothing is left behind. */
export async function checkNothingLeft(world: World): Promise<void> {
  const { caller, subject, stage, report, slurm } = world;
  await caller.acknowledged("DELETE", caller.group);
  const isGone = async (): Promise<boolean> => (await caller.once("GET", caller.group))?.status === 404;
  if (!(await within(drainLimitInMs, isGone))) report.hurt("left behind", "the resource group is not deleted in time");
  await checkContainers(world);
  await checkQueue(world);
  const { launcher } = subject;
  await subject.stop();
  if (launcher !== undefined && !(await within(5000, () => look(launcher) === undefined)))
    report.hurt("left behind", "the launcher runs without the service");
  for (const { command } of stage.jobProcesses()) report.hurt("left behind", `a process: ${command.slice(0, 200)}`);
  const homes = [subject.dataDir, ...(slurm === undefined ? [] : [slurm.sharedDir])];
  const folders = homes.flatMap((home) => [join(home, "runs"), join(home, "trash")]);
  for (const folder of [...folders, stage.mountRoot]) {
    const left = namesIn(folder).filter((name) => !isOfEarlierPlace(join(folder, name), subject.dataDir));
    if (left.length > 0) report.hurt("left behind", `${folder}: ${left.slice(0, 5).join(", ")} (${left.length})`);
  }
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** A data folder that was moved has left its mount roots: jobs that ran then had their scratch folders in them. */
function isOfEarlierPlace(mountRoot: string, dataDir: string): boolean {
  const owner = join(mountRoot, "data-folder");
  return existsSync(owner) && readFileSync(owner, "utf8").trim() !== dataDir;
}

/** Waits until all jobs have ended. During the wait, each job that is `running` must have a process. */
async function untilDrained(world: World): Promise<ShownJob[]> {
  const emptySince = new Map<string, number>();
  let fewest = Infinity;
  let progressAt = performance.now();
  for (;;) {
    const jobs = await allJobs(world);
    const left = jobs.filter((job) => !hasEnded(job) && world.ledger.jobs.get(job.name)?.stuck !== true);
    checkRunning(world, left, emptySince);
    if (left.length === 0) return jobs;
    if (left.length < fewest) progressAt = performance.now();
    fewest = Math.min(fewest, left.length);
    if (performance.now() - progressAt > drainLimitInMs * patienceOf(world)) {
      await giveUp(world, left);
      return jobs;
    }
    await delay(200);
  }
}

/** Whether nothing more happens to a job: it shows its end, and is not being deleted. */
function hasEnded({ properties }: ShownJob): boolean {
  return /^(succeeded|failed)$/.test(properties.executionState) && properties.provisioningState !== "deleting";
}

/** Reports the jobs that do not end, and deletes them so that the run can continue. */
async function giveUp(world: World, stuck: readonly ShownJob[]): Promise<void> {
  const { report, ledger, clients, stage } = world;
  const nodes = await nodesOf(world);
  for (const { name, properties } of stuck) {
    report.hurt("drain", `${name} is ${properties.executionState} for ever; nodes: ${nodes}`);
    for (const { pid, environment } of stage.jobProcesses())
      if (environment.get("CHAOS_JOB") === name) signal(pid, "SIGKILL");
    const record = ledger.jobs.get(name);
    if (!record) continue;
    record.stuck = true;
    if (record.deleted === "no") await clients.deleteJob(record);
  }
}

function patienceOf({ daemon, slurm }: World): number {
  if (slurm !== undefined) return slurmPatience;
  return daemon === undefined ? 1 : containerPatience;
}

function checkRunning(world: World, jobs: readonly ShownJob[], emptySince: Map<string, number>): void {
  const { stage, report } = world;
  // The service learns from Slurm's silence that a node has taken the job with it.
  const limitInMs = truthLimitInMs * patienceOf(world) * (world.slurm === undefined ? 1 : 2);
  const alive = new Set(stage.jobProcesses().map(({ environment }) => environment.get("CHAOS_JOB")));
  for (const { name, properties } of jobs) {
    if (properties.executionState !== "running" || alive.has(name)) emptySince.delete(name);
    else if (!emptySince.has(name)) emptySince.set(name, performance.now());
    if (performance.now() - (emptySince.get(name) ?? Infinity) > limitInMs)
      report.hurt("truth", `${name} is running, but has had no process for ${limitInMs / 1000} s`);
  }
}

function checkAcknowledgedJobs(world: World, jobs: readonly ShownJob[]): void {
  const { ledger, report, stage } = world;
  const shown = new Map(jobs.map((job) => [job.name, job]));
  const lines = linesOf(stage.lines);
  for (const record of ledger.jobs.values()) {
    const job = shown.get(record.name);
    if (record.stuck) continue;
    if (record.deleted === "acknowledged") {
      if (job) report.hurt("acknowledged", `${record.name} exists although its deletion was acknowledged`);
    } else if (!job) {
      if (record.created === "acknowledged" && record.deleted === "no")
        report.hurt("acknowledged", `${record.name} does not exist`);
    } else if (!record.judged && /succeeded|failed/.test(job.properties.executionState)) {
      report.count("jobs judged");
      for (const problem of judge(record, job, lines.of(record.name), againOf(world, record, lines)))
        report.hurt("exactly once", `${record.name} (${job.properties.executionState}): ${problem}`);
      record.judged = true;
    }
    const starts = lines.of(record.name).filter(({ what }) => what === "start").length;
    const { shrinks, interruptions } = againOf(world, record, lines);
    if (starts > 1 + shrinks + interruptions) report.hurt("exactly once", `${record.name} has started ${starts} times`);
  }
}

/** Each run that Slurm has interrupted may be followed by another one. */
function againOf({ ledger, slurm }: World, { name, cluster }: JobRecord, lines: Lines): Again {
  const runs = new Set(lines.of(name).map(({ run }) => run));
  const interruptions = [...runs].filter((run) => slurm?.interrupted.has(run) === true).length;
  return { shrinks: ledger.shrinksOf(cluster), interruptions };
}

async function checkExperiments({ caller, ledger, report }: World): Promise<void> {
  const { body } = await caller.acknowledged("GET", caller.path("/experiments"));
  const shown = new Set((body.value ?? []).map(({ id }) => String(id).toLowerCase()));
  for (const [path, state] of ledger.experiments) {
    if (state === "unknown" || shown.has(path.toLowerCase()) === (state === "present")) continue;
    report.hurt("acknowledged", `${path} must be ${state}`);
  }
}

async function checkNodes(world: World): Promise<void> {
  const { report } = world;
  const expected = "elastic: 3 idle, stable: 8 idle";
  let found = "";
  const isRight = async (): Promise<boolean> => (found = await nodesOf(world)) === expected;
  if (!(await within(truthLimitInMs, isRight))) report.hurt("nodes", `expected ${expected}, got ${found}`);
}

async function nodesOf({ caller }: World): Promise<string> {
  const { body } = await caller.acknowledged("GET", caller.path("/clusters"));
  return (body.value ?? [])
    .map(({ name, properties }) => {
      const { nodeStateCounts } = properties as { nodeStateCounts: Record<string, number> };
      const counts = Object.entries(nodeStateCounts).filter(([, count]) => count > 0);
      return `${String(name)}: ${counts.map(([state, count]) => `${count} ${state.replace("NodeCount", "")}`).join(" ")}`;
    })
    .sort()
    .join(", ");
}

/** Lists the files of jobs that leave odd ones. */
async function checkOutputFiles({ caller, ledger, report }: World): Promise<void> {
  const odd = ledger.judged().filter(({ kind }) => ["odd-names", "links", "pipes", "read-only"].includes(kind.name));
  for (const { name, kind } of odd.slice(-4)) {
    const path = `${caller.jobs(`/${name}/listOutputFiles`)}?api-version=2018-05-01&outputdirectoryid=OUT`;
    const answer = await caller.once("POST", `http://service${path}`);
    if (answer?.status !== 200) report.hurt("output files", `listOutputFiles of ${kind.name}: ${answer?.status}`);
  }
}

function checkDatabase({ stage, subject, report }: World): void {
  const database = join(subject.dataDir, "batchai.db");
  const [program, ...args] = stage.asUser([process.execPath, databaseScript, "read", database]);
  const problems = JSON.parse(execFileSync(program, args, { encoding: "utf8" })) as string[];
  for (const problem of problems) report.hurt("database", problem);
}

function checkProcesses({ stage, report }: World): void {
  for (const { environment, command } of stage.jobProcesses())
    report.hurt("left behind", `a process of the ended job ${environment.get("CHAOS_JOB")}: ${command.slice(0, 30)}`);
}

/** All jobs have ended, so no container may be left. */
async function checkContainers({ daemon, report }: World): Promise<void> {
  if (daemon === undefined) return;
  let left: string[] = [];
  const isClean = async (): Promise<boolean> => (left = await containersLeft(daemon.socket)).length === 0;
  if (!(await within(truthLimitInMs * containerPatience, isClean)))
    report.hurt("left behind", `${left.length} containers: ${left.slice(0, 3).join("; ")}`);
}

/** All jobs have ended, so none of them may be in the queue of Slurm. */
async function checkQueue({ slurm, report }: World): Promise<void> {
  if (slurm === undefined) return;
  let left: string[] = [];
  const isEmpty = async (): Promise<boolean> => {
    left = (await slurm.listLive()).map(({ id, state, run }) => `${id} of run ${run} is ${state}`);
    return left.length === 0;
  };
  if (!(await within(truthLimitInMs * containerPatience, isEmpty)))
    report.hurt("left behind", `${left.length} jobs in Slurm: ${left.slice(0, 3).join("; ")}`);
}

function sampleResources({ subject, report }: World): void {
  if (subject.pid === undefined) return;
  const memory = memoryOf(subject.pid);
  report.sample("memory of the service in MB", memory);
  report.sample("descriptors of the service", descriptorsOf(subject.pid));
  if (memory > mostMemoryInMb) report.hurt("memory", `the service takes ${memory} MB`);
}

/** Keeps the run bounded: deletes the oldest jobs whose end was checked. */
async function forgetOldJobs({ ledger, clients }: World): Promise<void> {
  const judged = ledger.judged();
  for (const record of judged.slice(0, Math.max(0, judged.length - mostJobs))) await clients.deleteJob(record);
}

async function allJobs({ caller }: World): Promise<ShownJob[]> {
  const jobs: ShownJob[] = [];
  for (let next: string | undefined = caller.jobs(); next !== undefined;) {
    const { body } = await caller.acknowledged("GET", next);
    jobs.push(...((body.value ?? []) as unknown as ShownJob[]));
    next = body.nextLink as string | undefined;
  }
  return jobs;
}

/** Whether a condition holds before the limit. */
async function within(limitInMs: number, condition: () => boolean | Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + limitInMs;
  while (!(await condition())) {
    if (performance.now() > deadline) return false;
    await delay(50);
  }
  return true;
}
