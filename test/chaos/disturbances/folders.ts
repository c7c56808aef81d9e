import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Caller } from "../caller.ts";
import { plainJob } from "../jobKinds.ts";
import type { JobRecord } from "../ledger.ts";
import type { Random } from "../random.ts";
import type { Report } from "../report.ts";
import { Subject } from "../subject.ts";
import { until } from "../../until.ts";
import { type Disturbance, nothing, type World } from "./disturbance.ts";

const jobCount = 3;
const jobSeconds = 6;
const lossLimitInMs = 15_000;

/** Moves the data folder while jobs run. They end as if nothing had happened. */
const moved: Disturbance = {
  name: "data folder moved",
  alone: true,
  async apply(world, random) {
    const { subject, stage, ledger } = world;
    await longJobs(world, random);
    if (random.chance(0.5)) await subject.kill();
    else await subject.stop();
    const place = join(stage.disk, ledger.nextName("data"));
    renameSync(subject.dataDir, place);
    subject.dataDir = place;
    await subject.ensureUp();
    return nothing;
  },
};

/**
 * Copies the data folder while jobs run. The copy must not start while the original exists. Without the original, it
 * starts and reports the runs of the original as lost. Then the original continues as if nothing had happened.
 */
const copied: Disturbance = {
  name: "data folder copied",
  alone: true,
  async apply(world, random) {
    const { subject, stage, ledger, report } = world;
    await world.clients.pause();
    await untilNothingWaits(world);
    const jobs = await longJobs(world, random);
    if (random.chance(0.5)) await subject.kill();
    else await subject.stop();
    const original = subject.dataDir;
    const copy = join(stage.disk, ledger.nextName("copy"));
    const aside = `${original}.aside`;
    execFileSync("cp", ["-a", original, copy]);
    const other = new Subject(subject.main, copy, stage, report);
    try {
      if (await isRefused(other, [original, copy], report)) {
        renameSync(original, aside);
        await checkCopy(world, other, jobs);
        await other.stop();
        restore(original, aside, report);
      }
    } finally {
      await other.kill();
      rmSync(copy, { recursive: true, force: true });
    }
    await subject.ensureUp();
    return nothing;
  },
};

export const folders: readonly Disturbance[] = [moved, copied];

/** Creates jobs that run while the folder is moved or copied, and waits until they run. */
async function longJobs({ clients, stage }: World, random: Random): Promise<JobRecord[]> {
  const jobs: JobRecord[] = [];
  for (let left = jobCount; left > 0; left--) {
    jobs.push(await clients.putJob(random, { kind: plainJob, cluster: "stable", seconds: jobSeconds }));
  }
  // With a busy queue, some may wait for longer: then they are waiting when the folder is moved.
  const running = (): boolean => {
    const lines = readFileSync(stage.lines, "utf8");
    return jobs.every(({ name }) => lines.includes(`start ${name} `));
  };
  await until("the long jobs run", running, jobSeconds * 1000).catch(() => undefined);
  return jobs;
}

/** The copy carries out what waits, and so would the original later: that is what a copy is for. */
async function untilNothingWaits({ caller }: World): Promise<void> {
  const isBusy = async (): Promise<boolean> => {
    const answer = await caller.persist("GET", caller.jobs());
    return (answer.body.value ?? []).some((job) => stateOf(job) === "queued");
  };
  // Jobs for a cluster that is too small wait for ever; they are started by the next quiet point.
  await until("no job waits", async () => !(await isBusy()), 20_000).catch(() => undefined);
}

/** Whether a copy does not start beside its original, as it must. */
async function isRefused(copy: Subject, folders: readonly string[], report: Report): Promise<boolean> {
  const refusal = await copy.tryStart();
  if (refusal === undefined) {
    report.hurt("copy", "a copy starts although the original exists");
    return false;
  }
  if (!folders.every((folder) => refusal.includes(folder)))
    report.hurt("copy", `the refusal does not name both folders: ${refusal.slice(-300)}`);
  return true;
}

/** Moves the original back to its place, which nothing may have taken. */
function restore(original: string, aside: string, report: Report): void {
  if (existsSync(original)) {
    report.hurt("copy", `the copy created ${original}, the folder of its original`);
    rmSync(original, { recursive: true });
  }
  renameSync(aside, original);
}

/** The copy, alone, must show that the runs of the original are lost, and leave their processes alone. */
async function checkCopy({ report }: World, copy: Subject, jobs: readonly JobRecord[]): Promise<void> {
  const failure = await copy.tryStart();
  if (failure !== undefined) {
    report.hurt("copy", `a copy without its original does not start: ${failure.slice(-300)}`);
    return;
  }
  const caller = new Caller(copy, report);
  for (const { name } of jobs) {
    let shown = "";
    const isLost = async (): Promise<boolean> => {
      const { body } = await caller.persist("GET", caller.jobs(`/${name}`));
      shown = JSON.stringify([body.properties?.executionState, body.properties?.executionInfo]);
      return shown.includes("RunLost");
    };
    await until(`${name} is lost`, isLost, lossLimitInMs).catch(() => {
      report.hurt("copy", `the copy shows a run of the original as ${shown} instead of RunLost`);
    });
  }
}

function stateOf(job: Readonly<Record<string, unknown>>): unknown {
  return (job.properties as { executionState?: unknown } | undefined)?.executionState;
}
