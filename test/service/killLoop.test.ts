import { existsSync, readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, it } from "vitest";
import { ArmCaller } from "./arm.ts";
import { ServiceProcess, withFolder } from "./serviceProcess.ts";
import { until } from "../until.ts";

const rounds = 25;
const clients = 4;

/** What a client was told: the path, and what has to be found there after the crash. */
interface Acknowledged {
  readonly path: string;
  readonly expected: "present" | "absent";
}

it(`loses nothing and runs nothing twice in ${String(rounds)} crashes`, { timeout: 600_000 }, async () => {
  await withFolder(async (folder) => {
    const attempts = join(folder, "attempts");
    await mkdir(attempts);
    const dataDir = join(folder, "data");
    const acknowledged = new Map<string, Acknowledged>();
    const exitCodes = new Map<string, number>();
    let service = await ServiceProcess.start(dataDir);
    await new ArmCaller(service.connection).prepare(16);

    for (let round = 0; round < rounds; round++) {
      const arm = new ArmCaller(service.connection);
      const busy = Array.from({ length: clients }, (_, client) => {
        return work(arm, `r${String(round)}c${String(client)}`, attempts, acknowledged, exitCodes);
      });
      // The moment of the crash is what is varied: spread over the requests and the lives of the jobs.
      await delay((round * 37) % 500);
      await service.kill();
      await Promise.all(busy);
      service = await ServiceProcess.start(dataDir);
      await checkAcknowledged(new ArmCaller(service.connection), acknowledged);
    }

    const arm = new ArmCaller(service.connection);
    const jobs = await untilAllEnded(arm);
    for (const { name, properties } of jobs) {
      const exitCode = exitCodes.get(name);
      expect.soft({ name, lines: linesOf(attempts, name) }).toEqual({ name, lines: 1 });
      expect.soft({ name, ...properties.executionInfo }).toMatchObject({ name, exitCode });
      expect.soft(properties.executionState, name).toBe(exitCode === 0 ? "succeeded" : "failed");
    }
    const known = new Set(jobs.map(({ name }) => name));
    for (const name of exitCodes.keys()) if (!known.has(name)) expect.soft(linesOf(attempts, name), name).toBe(0);
    expect(jobs.length).toBeGreaterThan(rounds);
    await service.stop();
  });
});

/** Calls the service until it is gone, and notes what it acknowledged. */
async function work(
  arm: ArmCaller,
  prefix: string,
  attempts: string,
  acknowledged: Map<string, Acknowledged>,
  exitCodes: Map<string, number>,
): Promise<void> {
  try {
    for (let turn = 0; turn < 20; turn++) {
      const name = `${prefix}t${String(turn)}`;
      const exitCode = turn % 3;
      exitCodes.set(name, exitCode);
      const command = `echo run >> "${attempts}/${name}"; sleep 0.3; exit ${String(exitCode)}`;
      await arm.expect("PUT", arm.jobPath(name), arm.jobBody(command));
      acknowledged.set(name, { path: arm.jobPath(name), expected: "present" });
      const experiment = arm.inWorkspace(`/experiments/${name}`);
      await arm.expect("PUT", experiment, {});
      acknowledged.set(experiment, { path: experiment, expected: "present" });
      if (turn % 2 === 0) continue;
      acknowledged.delete(experiment);
      await arm.expect("DELETE", experiment);
      acknowledged.set(experiment, { path: experiment, expected: "absent" });
    }
  } catch (error) {
    // The service was killed in the middle of a request: what was not acknowledged may be there or not.
    if (error instanceof Error && error.message.includes("answered")) throw error;
  }
}

async function checkAcknowledged(arm: ArmCaller, acknowledged: ReadonlyMap<string, Acknowledged>): Promise<void> {
  const left = acknowledged.values();
  const check = async (): Promise<void> => {
    for (const { path, expected } of left) {
      if (expected === "present") expect((await arm.send("GET", path)).status, path).toBe(200);
      else await until(`${path} is gone`, async () => (await arm.send("GET", path)).status === 404);
    }
  };
  await Promise.all(Array.from({ length: clients }, check));
}

interface ListedJob {
  readonly name: string;
  readonly properties: { readonly executionState: string; readonly executionInfo: Record<string, unknown> };
}

async function untilAllEnded(arm: ArmCaller): Promise<ListedJob[]> {
  let jobs: ListedJob[] = [];
  await until(
    "every job has ended",
    async () => {
      jobs = await allJobs(arm);
      return jobs.every(({ properties }) => /succeeded|failed/.test(properties.executionState));
    },
    240_000,
  );
  return jobs;
}

async function allJobs(arm: ArmCaller): Promise<ListedJob[]> {
  const jobs: ListedJob[] = [];
  let next: string | undefined = arm.inWorkspace("/experiments/exp/jobs");
  while (next !== undefined) {
    const { body } = await arm.expect("GET", next);
    jobs.push(...((body.value ?? []) as unknown as ListedJob[]));
    next = body.nextLink as string | undefined;
  }
  return jobs;
}

function linesOf(attempts: string, name: string): number {
  const file = join(attempts, name);
  return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n").length : 0;
}
