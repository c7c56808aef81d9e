// Measures the service with jobs that do nothing, compared with GNU parallel and with bare processes:
// `npm run bench:jobs`. README.md explains the numbers.
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { BuiltService, buildPackage } from "./jobs/builtService.ts";
import { Caller } from "./jobs/caller.ts";
import { withFinishedJobs } from "./jobs/finished.ts";
import { percentile } from "./jobs/probe.ts";
import { soak } from "./jobs/soak.ts";
import { bareTurn, parallelTurn, serviceTurn, type Load, type ServiceTurn } from "./jobs/throughput.ts";
import { costByClusters, costByQueue } from "./jobs/waiting.ts";
import { median } from "./median.ts";

const { values: options } = parseArgs({
  options: {
    jobs: { type: "string", default: "400" },
    rounds: { type: "string", default: "5" },
    only: { type: "string", default: "throughput,queue,clusters,finished,memory" },
    minutes: { type: "string", default: "30" },
  },
});
const load: Load = { jobs: Number(options.jobs), nodes: 16, submitters: 4 };
const ms = (time: number): string => `${time.toFixed(time < 10 ? 2 : 0)} ms`;

type Rows = Record<string, string>;

/** Trivial jobs, in turns with the other contenders. */
async function throughput(main: string, folder: string): Promise<Rows> {
  const service = await BuiltService.start(main, folder);
  const caller = new Caller(service.connection);
  await caller.prepare({ nodes: load.nodes });
  const ours: ServiceTurn[] = [];
  const parallel: number[] = [];
  const bare: number[] = [];
  await serviceTurn(service, load); // Warms up.
  for (let round = 0; round < Number(options.rounds); round++) {
    ours.push(await serviceTurn(service, load));
    parallel.push((await parallelTurn(load)) ?? NaN);
    bare.push(await bareTurn(load));
  }
  caller.close();
  await service.stop();
  const of = (pick: (turn: ServiceTurn) => number): number => median(ours.map(pick));
  return {
    "batchai, jobs/s": of((turn) => turn.jobsPerSecond).toFixed(0),
    "GNU parallel, jobs/s": median(parallel).toFixed(0),
    "bare processes, jobs/s": median(bare).toFixed(0),
    "of GNU parallel": `${(of((turn) => turn.jobsPerSecond) / median(parallel)).toFixed(2)} x`,
    "get meanwhile, median": ms(of((turn) => percentile(turn.getLatencies, 0.5))),
    "get meanwhile, p99": ms(of((turn) => percentile(turn.getLatencies, 0.99))),
    "service, for each job": ms(of((turn) => turn.cost.service)),
    "launcher, for each job": ms(of((turn) => turn.cost.launcher)),
    "supervisor and job, for each job": ms(of((turn) => turn.cost.runs)),
    "client, for each job": ms(of((turn) => turn.cost.client)),
  };
}

async function queue(main: string, folder: string): Promise<Rows> {
  const costs = await costByQueue(main, folder, [250, 8000]);
  const [few = NaN, many = NaN] = costs.values();
  return { "PUT with 250 queued": ms(few), "PUT with 8,000 queued": ms(many), ratio: `${(many / few).toFixed(2)} x` };
}

async function clusters(main: string, folder: string): Promise<Rows> {
  const costs = await costByClusters(main, folder, [1, 195]);
  const [few = NaN, many = NaN] = costs.values();
  return { "PUT with 1 cluster": ms(few), "PUT with 195 clusters": ms(many), ratio: `${(many / few).toFixed(2)} x` };
}

async function finished(main: string, folder: string): Promise<Rows> {
  const rows: Rows = {};
  for (const count of [200, 20_000]) {
    const figures = await withFinishedJobs(main, join(folder, String(count)), count);
    rows[`start with ${count} finished jobs`] = ms(figures.startInMs);
    rows[`get with ${count}`] = ms(figures.getInMs);
    rows[`first page of 100 with ${count}`] = ms(figures.firstPageInMs);
  }
  return rows;
}

async function memory(main: string, folder: string): Promise<Rows> {
  const service = await BuiltService.start(main, folder);
  await service.untilIdle();
  const idle = service.usage();
  const caller = new Caller(service.connection);
  await caller.prepare({ nodes: load.nodes });
  await serviceTurn(service, { ...load, jobs: 5000 });
  await service.untilIdle();
  const later = service.usage();
  caller.close();
  await service.stop();
  return {
    "memory, idle": `${idle.memory.toFixed(0)} MB`,
    "memory after 5,000 jobs": `${later.memory.toFixed(0)} MB`,
    "launcher after 5,000 jobs": `${later.launcherMemory.toFixed(0)} MB`,
    "descriptors, idle and later": `${idle.descriptors}, ${later.descriptors}`,
  };
}

async function soaked(main: string, folder: string): Promise<Rows> {
  const service = await BuiltService.start(main, folder);
  const caller = new Caller(service.connection);
  await caller.prepare({ nodes: load.nodes });
  await soak(service, { minutes: Number(options.minutes), perSecond: 5 }, (minute) => {
    const { jobs, memory, launcherMemory, descriptors, getP50, getP99, processorShare } = minute;
    const share = `${(processorShare * 100).toFixed(0)} %`;
    console.log(
      `${jobs} jobs: ${memory.toFixed(0)} + ${launcherMemory.toFixed(0)} MB, ${descriptors} descriptors, ` +
        `get ${ms(getP50)}, p99 ${ms(getP99)}, ${share} of a processor`,
    );
  });
  caller.close();
  await service.stop();
  return {};
}

const parts = { throughput, queue, clusters, finished, memory, soak: soaked };
const main = await buildPackage();
console.log(
  `Node.js ${process.versions.node}, ${cpus().length} x ${cpus()[0]?.model}, load ${loadavg()[0]?.toFixed(1)}`,
);
for (const name of options.only.split(",")) {
  const folder = await mkdtemp(join(tmpdir(), "batchai-bench-"));
  try {
    console.table(await parts[name as keyof typeof parts](main, folder));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
