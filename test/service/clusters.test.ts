import { readdir, readFile, writeFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { clusterBody } from "./arm.ts";
import { EmbeddedService } from "./embeddedService.ts";
import { until } from "../until.ts";

let embedded: EmbeddedService;
let serial = 0;
let name = "";

beforeAll(async () => {
  embedded = await EmbeddedService.start({ gracePeriodInMs: 500, autoScaleIdleTimeInMs: 300 });
  await embedded.arm.prepare(0);
});

afterAll(async () => {
  await embedded.close();
});

beforeEach(() => {
  name = `cluster${String(++serial)}`;
});

const path = (): string => embedded.arm.inWorkspace(`/clusters/${name}`);

async function create(scaleSettings: object, properties: Record<string, unknown> = {}): Promise<void> {
  await embedded.arm.expect("PUT", path(), clusterBody(0, { scaleSettings, ...properties }));
}

/** Numbers of the nodes, which the service does not show while nobody can log in to them. */
function nodeNumbers(): number[] {
  const database = new DatabaseSync(`${embedded.folder}/batchai.db`, { readOnly: true });
  const rows = database.prepare("SELECT number FROM nodes WHERE cluster = ? ORDER BY number").all(path().toLowerCase());
  database.close();
  return rows.map(({ number }) => Number(number));
}

async function submit(job: string, commandLine: string, properties: Record<string, unknown> = {}): Promise<void> {
  const body = embedded.arm.jobBody(commandLine, { cluster: { id: path() }, ...properties });
  await embedded.arm.expect("PUT", embedded.arm.jobPath(job), body);
}

describe("manual scaling", () => {
  it("adds and removes nodes, and keeps counting them", async () => {
    await create({ manual: { targetNodeCount: 2 } });
    await embedded.counts({ idleNodeCount: 2 }, name);
    expect(await embedded.cluster(name)).toMatchObject({ currentNodeCount: 2, provisioningState: "succeeded" });
    const before = (await embedded.arm.expect("GET", path())).headers.get("etag");
    const patch = { properties: { scaleSettings: { manual: { targetNodeCount: 1 } } } };
    const answer = await embedded.arm.expect("PATCH", path(), patch);
    expect(answer.body.properties).toMatchObject({
      scaleSettings: { manual: { targetNodeCount: 1 } },
      allocationState: "steady",
    });
    expect(answer.headers.get("etag")).not.toBe(before);
    await embedded.counts({ idleNodeCount: 1, leavingNodeCount: 0 }, name);
    await embedded.arm.expect("PATCH", path(), { properties: { scaleSettings: { manual: { targetNodeCount: 2 } } } });
    await embedded.counts({ idleNodeCount: 2 }, name);
    expect(nodeNumbers()).toEqual([1, 3]);
  });

  it.each([
    ["requeue", "queued"],
    ["terminate", "failed"],
  ])("with nodeDeallocationOption %s a running job becomes %s", async (nodeDeallocationOption, state) => {
    await create({ manual: { targetNodeCount: 1 } });
    await submit(`deallocated-${state}`, "sleep 600");
    await embedded.state(`deallocated-${state}`, /running/);
    const manual = { targetNodeCount: 0, nodeDeallocationOption };
    await embedded.arm.expect("PATCH", path(), { properties: { scaleSettings: { manual } } });
    await embedded.counts({ runningNodeCount: 0, leavingNodeCount: 0 }, name);
    const job = await embedded.arm.job(`deallocated-${state}`);
    expect(job.executionState).toBe(state);
    if (state === "queued") expect(job).not.toHaveProperty("executionInfo");
  });

  it("with waitforjobcompletion a running job ends in peace, and no other starts", async () => {
    await create({ manual: { targetNodeCount: 1 } });
    const flag = `${embedded.folder}/go-${name}`;
    await submit("waited", `while [ ! -e ${flag} ]; do sleep 0.05; done`);
    await embedded.state("waited", /running/);
    await submit("later", "true");
    const manual = { targetNodeCount: 0, nodeDeallocationOption: "waitforjobcompletion" };
    await embedded.arm.expect("PATCH", path(), { properties: { scaleSettings: { manual } } });
    await until("the node is leaving", async () => {
      const { nodeStateCounts } = await embedded.cluster(name);
      return (nodeStateCounts as { leavingNodeCount: number }).leavingNodeCount === 1;
    });
    await writeFile(flag, "");
    expect((await embedded.ended("waited")).executionState).toBe("succeeded");
    await embedded.counts({ leavingNodeCount: 0 }, name);
    expect((await embedded.arm.job("later")).executionState).toBe("queued");
  });
});

describe("automatic scaling", () => {
  it("grows with the queue, runs gangs, and shrinks when idle", async () => {
    await create({ autoScale: { minimumNodeCount: 0, maximumNodeCount: 3 } });
    await embedded.counts({ idleNodeCount: 0 }, name);
    await submit("gang", "cat $AZ_BATCHAI_MPI_HOST_FILE | wc -l", { nodeCount: 3 });
    expect((await embedded.ended("gang")).executionState).toBe("succeeded");
    await embedded.counts({ idleNodeCount: 0, runningNodeCount: 0 }, name);
    expect((await embedded.cluster(name)).scaleSettings).toEqual({
      autoScale: { minimumNodeCount: 0, maximumNodeCount: 3, initialNodeCount: 0 },
    });
  });

  it("begins with initialNodeCount nodes and keeps the minimum", async () => {
    const flag = `${embedded.folder}/go-${name}`;
    const commandLine = `while [ ! -e ${flag} ]; do sleep 0.05; done`;
    const nodeSetup = { setupTask: { commandLine, stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT" } };
    await create({ autoScale: { minimumNodeCount: 1, maximumNodeCount: 3, initialNodeCount: 2 } }, { nodeSetup });
    await embedded.counts({ preparingNodeCount: 2 }, name);
    expect(nodeNumbers()).toHaveLength(2);
    await writeFile(flag, "");
    await embedded.counts({ idleNodeCount: 1 }, name);
  });

  it("leaves a job that is too large in the queue, and lets others pass it", async () => {
    await create({ autoScale: { minimumNodeCount: 0, maximumNodeCount: 2 } });
    const first = `${embedded.folder}/first-${name}`;
    await submit("before", `while [ ! -e ${first} ]; do sleep 0.05; done`);
    await embedded.state("before", /running/);
    await submit("toolarge", "true", { nodeCount: 2 });
    const autoScale = { minimumNodeCount: 0, maximumNodeCount: 1 };
    await embedded.arm.expect("PATCH", path(), { properties: { scaleSettings: { autoScale } } });
    await writeFile(first, "");
    await submit("fits", "true");
    expect((await embedded.ended("fits")).executionState).toBe("succeeded");
    expect((await embedded.arm.job("toolarge")).executionState).toBe("queued");
  });
});

describe("the queue", () => {
  it("starts jobs by priority, then by age, and keeps the place of a large one", async () => {
    await create({ manual: { targetNodeCount: 2 } });
    await embedded.counts({ idleNodeCount: 2 }, name);
    const flag = `${embedded.folder}/go-${name}`;
    const order = `${embedded.folder}/order-${name}`;
    await submit("first", `while [ ! -e ${flag} ]; do sleep 0.05; done`);
    await embedded.state("first", /running/);
    const record = (job: string) => `echo ${job} >> ${order}`;
    await submit("low", record("low"), { schedulingPriority: "low", nodeCount: 2 });
    await submit("normal1", record("normal1"), { nodeCount: 2 });
    await submit("normal2", record("normal2"));
    await submit("high", record("high"), { schedulingPriority: "high", nodeCount: 2 });
    await writeFile(flag, "");
    await Promise.all(["low", "normal1", "normal2", "high"].map((job) => embedded.ended(job)));
    expect((await readFile(order, "utf8")).trim().split("\n")).toEqual(["high", "normal1", "normal2", "low"]);
  });
});

describe("setting up nodes", () => {
  it("runs the set-up task on every node and keeps its output apart", async () => {
    const mount = await embedded.share("setup");
    const setupTask = {
      commandLine: 'echo "$WORD $HIDDEN"',
      stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/setup",
      environmentVariables: [{ name: "WORD", value: "hello" }],
      secrets: [{ name: "HIDDEN", value: "setup-secret" }],
    };
    const nodeSetup = { setupTask, mountVolumes: { azureFileShares: [mount] } };
    await create({ manual: { targetNodeCount: 2 } }, { nodeSetup });
    await embedded.counts({ idleNodeCount: 2 }, name);
    const cluster = await embedded.cluster(name);
    const task = (cluster.nodeSetup as { setupTask: { stdOutErrPathSuffix: string; secrets: object[] } }).setupTask;
    expect(task.secrets).toEqual([{ name: "HIDDEN" }]);
    const folder = `${embedded.folder}/files/batchaistorage/setup/${task.stdOutErrPathSuffix}`;
    const outputs = (await readdir(folder)).filter((file) => file.startsWith("stdout-"));
    expect(outputs).toHaveLength(2);
    expect(await readFile(`${folder}/${String(outputs[0])}`, "utf8")).toBe("hello setup-secret\n");
  });

  it("tells why nodes are unusable, and recovers when the cluster is resized", async () => {
    const setupTask = { commandLine: "exit 4", stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT" };
    await create({ manual: { targetNodeCount: 1 } }, { nodeSetup: { setupTask } });
    await embedded.counts({ unusableNodeCount: 1 }, name);
    const { errors } = await embedded.cluster(name);
    expect(errors).toMatchObject([
      { code: "NodeSetupTaskFailed", details: [{ name: "NodeId" }, { name: "ExitCode", value: "4" }] },
    ]);
    await embedded.arm.expect("PATCH", path(), { properties: { scaleSettings: { manual: { targetNodeCount: 0 } } } });
    await embedded.counts({ unusableNodeCount: 0 }, name);
    expect(await embedded.cluster(name)).not.toHaveProperty("errors");
  });

  it("tells that a share could not be mounted", async () => {
    const mount = {
      ...(await embedded.share("gone")),
      azureFileUrl: "https://batchaistorage.file.core.windows.net/missing",
    };
    await create({ manual: { targetNodeCount: 1 } }, { nodeSetup: { mountVolumes: { azureFileShares: [mount] } } });
    await embedded.counts({ unusableNodeCount: 1 }, name);
    expect((await embedded.cluster(name)).errors).toMatchObject([{ code: "AZFMountError" }]);
  });
});

describe("deleting", () => {
  it("ends the jobs of a deleted cluster; they stay readable", async () => {
    await create({ manual: { targetNodeCount: 1 } });
    await submit("finished", "true");
    await embedded.ended("finished");
    await submit("interrupted", "sleep 600");
    await embedded.state("interrupted", /running/);
    await submit("waiting", "true");
    await embedded.arm.expect("DELETE", path());
    await until("the cluster is gone", async () => (await embedded.arm.send("GET", path())).status === 404);
    expect(await embedded.arm.job("finished")).toMatchObject({ executionState: "succeeded", cluster: { id: path() } });
    for (const job of ["interrupted", "waiting"]) {
      expect(await embedded.ended(job)).toMatchObject({
        executionState: "failed",
        executionInfo: { errors: [{ code: "ClusterDeleted" }] },
      });
    }
  });

  it("takes everything inside a workspace with it", async () => {
    await create({ manual: { targetNodeCount: 1 } });
    await submit("inside", "sleep 600");
    await embedded.state("inside", /running/);
    const answer = await embedded.arm.expect("DELETE", embedded.arm.inWorkspace());
    expect(answer.status).toBe(202);
    const operation = answer.headers.get("azure-asyncoperation") ?? "";
    await until(
      "the deletion has ended",
      async () => (await embedded.arm.expect("GET", operation)).body.status === "Succeeded",
    );
    const { body } = await embedded.arm.expect("GET", operation);
    expect(body.properties).toEqual({ resourceId: `${embedded.service.connection.subscriptionId}$group$work` });
    expect((await embedded.arm.expect("GET", answer.headers.get("location") ?? "")).status).toBe(200);
    expect((await embedded.arm.send("GET", embedded.arm.inWorkspace())).body.error?.code).toBe("WorkspaceNotFound");
  });
});
