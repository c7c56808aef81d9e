import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { Job, WaitingReason } from "../../src/index.ts";
import { BatchAIManagementClient, tokenCredential } from "../../src/index.ts";
import { runsFolderOf } from "../../src/service/dataFolders.ts";
import type { Engine } from "../../src/service/engines/engine.ts";
import { ProcessEngine } from "../../src/service/engines/local/processEngine.ts";
import { enqueue } from "../../src/service/scheduler/jobStates.ts";
import { StartError } from "../../src/service/startError.ts";
import { openStore } from "../../src/service/state/store.ts";
import { WrappedEngine } from "../engines/wrappedEngine.ts";
import { rejectionOf } from "../sdk/fixtures.ts";
import { until } from "../until.ts";
import { clusterBody } from "./arm.ts";
import { DatabaseCalls } from "./databaseCalls.ts";
import { EmbeddedService } from "./embeddedService.ts";
import { withFolder } from "./serviceProcess.ts";
import { ServiceWithEngines } from "./serviceWithEngines.ts";

let embedded: EmbeddedService;
let client: BatchAIManagementClient;
let serial = 0;

beforeAll(async () => {
  embedded = await EmbeddedService.start({ gracePeriodInMs: 200 });
  await embedded.arm.prepare(0);
  const { endpoint, token, subscriptionId } = embedded.service.connection;
  client = new BatchAIManagementClient(tokenCredential(token), subscriptionId, {
    endpoint,
    allowInsecureConnection: true,
  });
});

afterAll(async () => {
  await embedded.close();
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** Creates a cluster and waits for its nodes. Returns its ID. */
async function cluster(targetNodeCount: number): Promise<string> {
  const name = `cluster${String(++serial)}`;
  const path = embedded.arm.inWorkspace(`/clusters/${name}`);
  await embedded.arm.expect("PUT", path, clusterBody(targetNodeCount));
  await embedded.counts({ idleNodeCount: targetNodeCount }, name);
  return path;
}

/** Creates a job. Returns its name. */
async function submit(id: string, commandLine: string, properties: Record<string, unknown> = {}): Promise<string> {
  const name = `job${String(++serial)}`;
  const body = embedded.arm.jobBody(commandLine, { cluster: { id }, ...properties });
  await embedded.arm.expect("PUT", embedded.arm.jobPath(name), body);
  return name;
}

/** A job that runs until it is terminated. */
async function runForever(id: string): Promise<string> {
  const name = await submit(id, "sleep 600");
  await embedded.state(name, /running/);
  return name;
}

async function waitingFor(name: string): Promise<WaitingReason | undefined> {
  return ((await embedded.arm.job(name)).batchai as { waitingFor?: WaitingReason } | undefined)?.waitingFor;
}

const scale = (id: string, targetNodeCount: number): Promise<unknown> =>
  embedded.arm.expect("PATCH", id, { properties: { scaleSettings: { manual: { targetNodeCount } } } });

describe("a queued job", () => {
  it("says that it waits for a node, at which position, and since when; later that is gone", async () => {
    const id = await cluster(1);
    const running = await runForever(id);
    expect(await embedded.arm.job(running)).not.toHaveProperty("batchai");
    const low = await submit(id, "true", { schedulingPriority: "low" });
    const first = await submit(id, "true");
    const second = await submit(id, "true");
    const high = await submit(id, "true", { schedulingPriority: "high" });
    const positions = await Promise.all([high, first, second, low].map(waitingFor));
    expect(positions.map((reason) => reason?.position)).toEqual([1, 2, 3, 4]);
    const { executionStateTransitionTime } = await embedded.arm.job(first);
    expect(positions[1]).toEqual({
      code: "NoFreeNode",
      message: "The job needs 1 free node. Nodes of the cluster: 1 busy.",
      position: 2,
      since: executionStateTransitionTime,
    });

    const list = (await embedded.arm.expect("GET", embedded.arm.inWorkspace("/experiments/exp/jobs"))).body.value ?? [];
    const listed = (name: string): unknown => list.find((job) => job.name === name)?.properties;
    for (const [index, name] of [high, first, second, low].entries()) {
      expect(listed(name)).toMatchObject({ batchai: { waitingFor: positions[index] } });
    }

    await embedded.arm.expect("POST", `${embedded.arm.jobPath(running)}/terminate`);
    for (const name of [high, first, second, low]) {
      expect(await embedded.ended(name)).not.toHaveProperty("batchai");
    }
  });

  it("says that its cluster is too small, and blocks no other job", async () => {
    const id = await cluster(1);
    const large = await submit(id, "true", { nodeCount: 3 });
    const reason = await waitingFor(large);
    expect(reason).toMatchObject({ code: "ClusterTooSmall" });
    expect(reason).not.toHaveProperty("position");
    expect(reason?.message).toMatch(/needs 3 nodes, and the cluster has at most 1 .*targetNodeCount/);
    const running = await runForever(id);
    expect(await waitingFor(await submit(id, "true"))).toMatchObject({ code: "NoFreeNode", position: 1 });
    await embedded.arm.expect("POST", `${embedded.arm.jobPath(running)}/terminate`);
    await scale(id, 3);
    expect(await embedded.ended(large)).toMatchObject({ executionState: "succeeded" });
  });

  it("waits for a cluster without nodes", async () => {
    const id = await cluster(0);
    expect(await waitingFor(await submit(id, "true"))).toMatchObject({ code: "ClusterTooSmall" });
  });

  it("says what the machine lacks, and so does the cluster", async () => {
    await withFolder(async (folder) => {
      let isFull = true;
      class FullMachine extends WrappedEngine {
        override reserve(plan: Parameters<WrappedEngine["reserve"]>[0]): Promise<void> {
          if (isFull) return Promise.reject(new StartError("Shortage", "there is no room on the disk."));
          return super.reserve(plan);
        }
      }
      const engine = new FullMachine(new ProcessEngine({ runsFolder: runsFolderOf(folder) }));
      const work = async (service: ServiceWithEngines): Promise<void> => {
        await service.prepare(1);
        await service.create("job", "true");
        let seen: unknown;
        await until("the job says what is missing", async () => {
          seen = (await service.arm.job("job")).batchai;
          return seen !== undefined;
        });
        expect(seen).toMatchObject({
          waitingFor: { code: "Shortage", message: expect.stringContaining("there is no room on the disk") as string },
        });
        isFull = false;
        expect(await service.ended("job")).toMatchObject({ executionState: "succeeded" });
      };
      await withService(folder, work, engine);
    });
  });
});

describe("a cluster with unusable nodes", () => {
  it("says how many nodes are missing, and why", async () => {
    const name = `cluster${String(++serial)}`;
    const path = embedded.arm.inWorkspace(`/clusters/${name}`);
    const setupTask = { commandLine: "exit 4", stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT" };
    await embedded.arm.expect("PUT", path, clusterBody(2, { nodeSetup: { setupTask } }));
    await embedded.counts({ unusableNodeCount: 2 }, name);
    const { batchai } = await embedded.cluster(name);
    expect(batchai).toEqual({
      missingNodes: {
        count: 2,
        code: "UnusableNodes",
        message: expect.stringContaining("2 nodes of the cluster are unusable: Node set-up task failed") as string,
      },
    });
    const job = await submit(path, "true");
    expect((await waitingFor(job))?.message).toContain("2 unusable (see the errors of the cluster)");
  });

  it("has no such member if all is well", async () => {
    const id = await cluster(1);
    expect((await embedded.arm.expect("GET", id)).body.properties).not.toHaveProperty("batchai");
  });
});

describe("the SDK", () => {
  it("says why the job waits: in the error of a wait that ran out of time, and on the way", async () => {
    const id = await cluster(1);
    const running = await runForever(id);
    const name = await submit(id, "true");
    const reasons: WaitingReason[] = [];
    const controller = new AbortController();
    const waiting = client.jobs.waitForCompletion("group", "work", "exp", name, {
      abortSignal: controller.signal,
      updateIntervalInMs: 10,
      onWaiting: (reason: WaitingReason, job: Job) => {
        reasons.push(reason);
        expect(job.name).toBe(name);
      },
    });
    const rejection = rejectionOf(waiting);
    await until("a reason is reported", () => reasons.length > 0);
    expect(reasons[0]).toMatchObject({ code: "NoFreeNode", position: 1, since: expect.any(Date) as Date });
    await scale(id, 0);
    await until("another reason is reported", () => reasons.some(({ code }) => code === "ClusterTooSmall"));
    controller.abort();
    const { message } = await rejection;
    expect(message).toMatch(
      /^jobs\.waitForCompletion: the wait for job \w+ was aborted; the job continues\. The job needs/,
    );
    await embedded.arm.expect("POST", `${embedded.arm.jobPath(running)}/terminate`);
  });

  it("says so in jobs.run too", async () => {
    const id = await cluster(0);
    const parameters = embedded.arm.jobBody("true").properties as never as Parameters<typeof client.jobs.run>[4];
    const reasons: WaitingReason[] = [];
    const controller = new AbortController();
    const job = client.jobs.run(
      "group",
      "work",
      "exp",
      `job${String(++serial)}`,
      { ...parameters, cluster: { id } },
      {
        abortSignal: controller.signal,
        updateIntervalInMs: 10,
        onWaiting: (reason: WaitingReason) => reasons.push(reason),
      },
    );
    const rejection = rejectionOf(job);
    await until("a reason is reported", () => reasons.length > 0);
    controller.abort();
    expect((await rejection).message).toMatch(/^jobs\.run: .* was aborted; the job continues\. The job needs 1 node/);
  });
});

/** Opens a service, and closes it after the work. */
async function withService(
  folder: string,
  work: (service: ServiceWithEngines) => Promise<void>,
  engine: Engine = new ProcessEngine({ runsFolder: runsFolderOf(folder) }),
): Promise<void> {
  const service = await ServiceWithEngines.start(folder, [engine]);
  try {
    await work(service);
  } finally {
    await service.close();
  }
}

/**
 * Opens a service with a queue of so many jobs and one that needs the whole cluster, on which a job runs.
 * @param nodeCounts - Number of different node counts of the jobs; also the number of nodes.
 */
async function withQueue(
  count: number,
  work: (service: ServiceWithEngines) => Promise<void>,
  nodeCounts = 1,
): Promise<void> {
  await withFolder(async (folder) => {
    const gate = join(folder, "busy");
    await writeFile(gate, "");
    await withService(folder, async (service) => {
      await service.prepare(nodeCounts);
      // Ends without the service too, when the folder is removed: a test that fails leaves no process.
      await service.create("busy", `while [ -e '${gate}' ]; do sleep 0.05; done`);
      await service.untilState("busy", /running/);
      await service.create("seed", "true", { nodeCount: nodeCounts, schedulingPriority: "high" });
    });
    seedQueue(folder, count, nodeCounts);
    await withService(folder, async (service) => {
      try {
        await work(service);
      } finally {
        await endBusyJob(service);
      }
    });
  });
}

/** Adds jobs to the queue of a service that is closed. */
function seedQueue(folder: string, count: number, nodeCounts: number): void {
  const store = openStore(folder);
  const seed = store.resources.list("jobs").find(({ model }) => model.name === "seed");
  if (!seed) throw new Error("the job is missing");
  store.transaction(() => {
    for (let number = 0; number < count; number++) {
      const name = `job${String(number)}`;
      const id = seed.model.id.replace(/seed$/, name);
      const schedulingPriority = number % 2 === 0 ? "normal" : "low";
      const model = { ...seed.model, id, name, schedulingPriority, nodeCount: 1 + (number % nodeCounts) };
      enqueue(store, store.resources.insert("jobs", { id, parent: seed.parent ?? "", requestDigest: "", model }));
    }
  });
  store.close();
}

/** Ends the job that runs, and starts no other. */
async function endBusyJob(service: ServiceWithEngines): Promise<void> {
  const manual = { targetNodeCount: 0, nodeDeallocationOption: "terminate" };
  await service.arm.expect("PATCH", service.arm.inWorkspace("/clusters/nodes"), {
    properties: { scaleSettings: { manual } },
  });
  await service.ended("busy");
}

describe("the cost of saying why jobs wait", () => {
  it("does not depend on the length of the queue", async () => {
    const costWith = async (count: number): Promise<number> => {
      let cost = 0;
      await withQueue(count, async (service) => {
        const { statements, rows } = await new DatabaseCalls().during(async () => {
          await service.arm.job("job7");
          const list = service.arm.inWorkspace("/experiments/exp/jobs");
          await service.arm.send("GET", list, undefined, { query: "api-version=2018-05-01&maxresults=50" });
        });
        vi.restoreAllMocks();
        cost = statements + rows;
      });
      return cost;
    };
    expect(await costWith(3000)).toBe(await costWith(100));
  });

  it("is one pass over the index for a page, also for the last one of a queue with many node counts", async () => {
    const queueLength = 300;
    const work = async (service: ServiceWithEngines): Promise<void> => {
      const first = await service.arm.send("GET", service.arm.inWorkspace("/experiments/exp/jobs"), undefined, {
        query: "api-version=2018-05-01&maxresults=202",
      });
      const calls = new DatabaseCalls();
      const { body } = await service.arm.expect("GET", String(first.body.nextLink));
      vi.restoreAllMocks();
      const jobs = body.value ?? [];
      expect(jobs).toHaveLength(100);
      const position = (name: string): unknown => {
        const job = jobs.find((one) => one.name === name)?.properties as { batchai?: { waitingFor: WaitingReason } };
        return job.batchai?.waitingFor.position;
      };
      expect(["job200", "job298", "job201", "job299"].map(position)).toEqual([102, 151, 252, 301]);
      // Each job of the page costs one count, and the start of each priority two: none counts what another has counted.
      expect(calls.counts.length).toBeLessThanOrEqual(jobs.length + 2 * 2);
      expect(calls.counts.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(2 * queueLength);
    };
    await withQueue(queueLength, work, 5);
  });

  it("reads only the entries that it counts", async () => {
    await withFolder(async (folder) => {
      openStore(folder).close();
      const calls = new DatabaseCalls();
      const store = openStore(folder);
      store.queue.countOfSmallerRank("cluster", 1, 4);
      store.queue.countBetween("cluster", 1, 7, 9, 4);
      store.close();
      vi.restoreAllMocks();
      const [smaller = "", between = ""] = [...calls.texts].filter((text) => text.includes("FROM queue"));
      const database = new DatabaseSync(join(folder, "batchai.db"));
      const planOf = (sql: string, values: number): unknown =>
        database.prepare(`EXPLAIN QUERY PLAN ${sql}`).get(...Array.from({ length: values }, () => 1))?.detail;
      const index = "SEARCH queue USING COVERING INDEX queue_by_rank";
      expect(planOf(smaller, 3)).toBe(`${index} (cluster=? AND rank<?)`);
      expect(planOf(between, 5)).toBe(`${index} (cluster=? AND rank=? AND sequence>? AND sequence<?)`);
      database.close();
    });
  });
});
