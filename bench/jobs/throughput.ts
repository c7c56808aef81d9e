import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { BuiltService, Usage } from "./builtService.ts";
import { Caller } from "./caller.ts";
import { Probe } from "./probe.ts";

/** Number of trivial jobs, and of nodes, that each contender gets. */
export interface Load {
  readonly jobs: number;
  readonly nodes: number;
  readonly submitters: number;
}

/** Figures of one turn of the service. */
export interface ServiceTurn {
  readonly jobsPerSecond: number;
  /** Latencies of a `get` that another client sends meanwhile, in milliseconds, sorted. */
  readonly getLatencies: readonly number[];
  /** Processor time for each job, in milliseconds. */
  readonly cost: Pick<Usage, "service" | "launcher" | "runs"> & { readonly client: number };
}

let turns = 0;

/** Submits jobs of `true` and waits until the last one has ended. */
export async function serviceTurn(service: BuiltService, { jobs, submitters }: Load): Promise<ServiceTurn> {
  const prefix = `turn${(turns += 1)}-`;
  const caller = new Caller(service.connection);
  const probe = new Probe(service, 10);
  const before = service.usage();
  const ownBefore = process.cpuUsage();
  const began = performance.now();
  let next = 0;
  const submit = async (): Promise<void> => {
    while (next < jobs) await caller.createJob(`${prefix}${(next += 1)}`, "true");
  };
  await Promise.all(Array.from({ length: submitters }, submit));
  for (let job = jobs; job > 0; job--) await caller.untilEnded(`${prefix}${job}`);
  const seconds = (performance.now() - began) / 1000;
  const own = process.cpuUsage(ownBefore);
  const getLatencies = await probe.stop();
  await delay(300); // The rest of the cleaning up belongs to the cost.
  const after = service.usage();
  caller.close();
  return {
    jobsPerSecond: jobs / seconds,
    getLatencies,
    cost: {
      service: (after.service - before.service) / jobs,
      launcher: (after.launcher - before.launcher) / jobs,
      runs: (after.runs - before.runs) / jobs,
      client: (own.user + own.system) / 1000 / jobs,
    },
  };
}

/** Runs `bash -c true` through GNU parallel. Returns jobs per second; undefined if it is not installed. */
export async function parallelTurn({ jobs, nodes }: Load): Promise<number | undefined> {
  const began = performance.now();
  const child = spawn("parallel", ["--will-cite", "-N0", "-j", String(nodes), "bash", "-c", "true"], {
    stdio: ["pipe", "ignore", "ignore"],
  });
  child.once("error", () => undefined);
  if (child.pid === undefined) return undefined;
  child.stdin.end(Array.from({ length: jobs }, (_, index) => `${index}\n`).join(""));
  await once(child, "exit");
  return jobs / ((performance.now() - began) / 1000);
}

/** Runs `bash -c true` through `node:child_process`. Returns jobs per second. */
export async function bareTurn({ jobs, nodes }: Load): Promise<number> {
  const began = performance.now();
  let next = 0;
  const work = async (): Promise<void> => {
    while ((next += 1) <= jobs) await once(spawn("bash", ["-c", "true"], { stdio: "ignore" }), "exit");
  };
  await Promise.all(Array.from({ length: nodes }, work));
  return jobs / ((performance.now() - began) / 1000);
}
