import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ClusterNodesError } from "../../src/index.ts";
import type { ClusterCreateParameters, ClusterNodesProgress } from "../../src/index.ts";
import { until } from "../until.ts";
import { rejectionOf } from "./fixtures.ts";
import { JobsOfService } from "./jobsOfService.ts";

let service: JobsOfService;
beforeAll(async () => {
  service = await JobsOfService.start();
});
afterAll(() => service.close());

/** A cluster whose nodes are set up by a command. */
function clusterOf(targetNodeCount: number, commandLine: string): ClusterCreateParameters {
  return {
    vmSize: "STANDARD_D1",
    scaleSettings: { manual: { targetNodeCount } },
    userAccountSettings: { adminUserName: "me", adminUserPassword: "Sesame-0pen!" },
    nodeSetup: { setupTask: { commandLine, stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT" } },
  };
}

/** A path in the share that all nodes see. */
const shared = (name: string): string => {
  const { accountName } = service.embedded.service.connection.storage;
  return `'${service.embedded.folder}/files/${accountName}/logs/${name}'`;
};

const gate = (name: string): string => `until [ -e ${shared(name)} ]; do sleep 0.02; done`;

const broken = ["group", "work", "broken"] as const;

describe("clusters.waitForNodes", () => {
  it("answers the cluster when all nodes are ready, and tells the counts on the way", async () => {
    const { clusters } = service.client;
    await clusters.create("group", "work", "two", clusterOf(2, gate("nodes")));
    const steps: ClusterNodesProgress[] = [];
    const onProgress = (step: ClusterNodesProgress): unknown => steps.push(step);
    const waiting = clusters.waitForNodes("group", "work", "two", { onProgress, updateIntervalInMs: 10 });
    await expect.poll(() => steps.at(-1)?.nodeStateCounts.preparingNodeCount).toBe(2);
    expect(steps.at(-1)).toMatchObject({ wantedNodeCount: 2, readyNodeCount: 0 });
    await service.open("nodes");
    await expect(waiting).resolves.toMatchObject({ name: "two", nodeStateCounts: { idleNodeCount: 2 } });
    expect(steps.at(-1)).toMatchObject({ wantedNodeCount: 2, readyNodeCount: 2 });
    const counts = steps.map(({ nodeStateCounts }) => JSON.stringify(nodeStateCounts));
    expect(counts.every((each, index) => each !== counts[index - 1])).toBe(true);
  });

  it("counts nodes that run a job, and waits for as many as it is told", async () => {
    const job = await service.submit("busy", "gate done");
    await until("the job runs", async () => (await service.client.jobs.get(...job)).executionState === "running");
    await expect(service.client.clusters.waitForNodes("group", "work", "nodes")).resolves.toMatchObject({
      nodeStateCounts: { runningNodeCount: 1 },
    });
    const waiting = service.client.clusters.waitForNodes("group", "work", "nodes", { nodeCount: 2 });
    await service.client.clusters.update("group", "work", "nodes", {
      scaleSettings: { autoScale: { minimumNodeCount: 2, maximumNodeCount: 3 } },
    });
    await expect(waiting).resolves.toMatchObject({ nodeStateCounts: { idleNodeCount: 1, runningNodeCount: 1 } });
    await service.open("done");
  });

  it("rejects with the cluster's own errors when none of its nodes can be used", async () => {
    const { clusters } = service.client;
    await clusters.create("group", "work", "broken", clusterOf(2, "exit 9"));
    await until("both nodes have failed", async () => (await clusters.get(...broken)).errors?.length === 2);
    const error = await rejectionOf(clusters.waitForNodes(...broken));
    expect(error).toBeInstanceOf(ClusterNodesError);
    expect(error).toMatchObject({ name: "ClusterNodesError", code: "NodeSetupTaskFailed" });
    const state = "0 of 2 nodes ready, 2 unusable, 0 being prepared, no more will be added";
    expect(error.message).toContain(`Cluster broken cannot get its nodes: ${state}. NodeSetupTaskFailed: `);
    expect(error.message).toMatch(/ExitCode: 9\)\.$/);
    expect(error).toMatchObject({ cluster: { name: "broken" }, errors: [{ code: "NodeSetupTaskFailed" }, {}] });
    await expect(clusters.waitForNodes(...broken, { nodeCount: 0 })).resolves.toMatchObject({ name: "broken" });
  });

  it("does not wait for the nodes that are left when they are too few", async () => {
    const { clusters } = service.client;
    const firstFails = `mkdir ${shared("first")} 2>/dev/null && exit 9; ${gate("never")}`;
    await clusters.create("group", "work", "half", clusterOf(2, firstFails));
    const error = await rejectionOf(clusters.waitForNodes("group", "work", "half"));
    expect(error.message).toContain("0 of 2 nodes ready, 1 unusable, 1 being prepared, no more will be added");
    expect(error).toMatchObject({ errors: [{ code: "NodeSetupTaskFailed" }] });
  });

  it("stops when it is aborted, and says that the service continues", async () => {
    await service.client.clusters.create("group", "work", "slow", clusterOf(1, gate("never")));
    const controller = new AbortController();
    const rejection = rejectionOf(
      service.client.clusters.waitForNodes("group", "work", "slow", {
        abortSignal: controller.signal,
        onProgress: () => controller.abort(),
      }),
    );
    expect(await rejection).toMatchObject({
      name: "AbortError",
      message: expect.stringContaining(
        "the wait for cluster slow was aborted; the service continues to prepare its nodes",
      ),
    });
  });

  it("says that the cluster was deleted meanwhile", async () => {
    await service.client.clusters.create("group", "work", "gone", clusterOf(1, gate("never")));
    const seen: unknown[] = [];
    const onProgress = (step: ClusterNodesProgress): unknown => seen.push(step);
    const rejection = rejectionOf(service.client.clusters.waitForNodes("group", "work", "gone", { onProgress }));
    await expect.poll(() => seen.length).toBeGreaterThan(0);
    await service.client.clusters.delete("group", "work", "gone");
    expect(await rejection).toMatchObject({
      code: "ClusterNotFound",
      message: expect.stringContaining("cluster gone was deleted during"),
    });
  });
});
