// Measures the service with jobs that do nothing, compared with GNU parallel and with bare processes:
// `npm run bench:jobs`. README.md explains the numbers.
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { BuiltService, buildPackage } from "./jobs/builtService.ts";
import { Caller } from "./jobs/caller.ts";
import { bareTurn, parallelTurn, serviceTurn, type Load, type ServiceTurn } from "./jobs/throughput.ts";
import { median } from "./median.ts";

const { values: options } = parseArgs({
  options: { jobs: { type: "string", default: "400" }, rounds: { type: "string", default: "5" } },
});
const load: Load = { jobs: Number(options.jobs), nodes: 16, submitters: 4 };

const main = await buildPackage();
const folder = await mkdtemp(join(tmpdir(), "batchai-bench-"));
try {
  const service = await BuiltService.start(main, folder);
  const caller = new Caller(service.connection);
  await caller.prepare({ nodes: load.nodes });
  const ours: ServiceTurn[] = [];
  const parallel: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < Number(options.rounds); round++) {
    ours.push(await serviceTurn(service, load));
    parallel.push((await parallelTurn(load)) ?? NaN);
    bare.push(await bareTurn(load));
  }
  const of = (pick: (turn: ServiceTurn) => number): number => median(ours.map(pick));
  console.log(`Node.js ${process.versions.node}, ${cpus().length} x ${cpus()[0]?.model}`);
  console.table({
    "batchai, jobs/s": of((turn) => turn.jobsPerSecond).toFixed(0),
    "GNU parallel, jobs/s": median(parallel).toFixed(0),
    "bare processes, jobs/s": median(bare).toFixed(0),
    "of GNU parallel": (of((turn) => turn.jobsPerSecond) / median(parallel)).toFixed(2),
    "get p50, ms": of((turn) => percentile(turn.getLatencies, 0.5)).toFixed(1),
    "get p99, ms": of((turn) => percentile(turn.getLatencies, 0.99)).toFixed(1),
    "service, ms/job": of((turn) => turn.cost.service).toFixed(2),
    "launcher, ms/job": of((turn) => turn.cost.launcher).toFixed(2),
    "supervisor and job, ms/job": of((turn) => turn.cost.runs).toFixed(2),
    "client, ms/job": of((turn) => turn.cost.client).toFixed(2),
  });
  await service.stop();
} finally {
  await rm(folder, { recursive: true, force: true });
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}
