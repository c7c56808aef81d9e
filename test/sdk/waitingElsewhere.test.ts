import nock from "nock";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { JobStateChange } from "../../src/index.ts";
import {
  azureIsNock,
  clusterBody,
  clusterPath,
  jobBody,
  jobPath,
  pausesOf,
  quickClient,
  rejectionOf,
} from "./fixtures.ts";

afterEach(() => {
  nock.abortPendingRequests();
  nock.cleanAll();
  nock.enableNetConnect();
});

const myjob = ["g", "w", "e", "j"] as const;

function answerLooks(...answers: [status: number, properties: object, headers?: Record<string, string>][]): void {
  for (const [status, properties, headers] of answers) {
    azureIsNock()
      .get(jobPath)
      .query(true)
      .reply(status, { ...jobBody, properties }, headers);
  }
}

describe("waiting for a service that is not on this machine", () => {
  it("pauses as long as the service asks for, and outlives its troubles", async () => {
    const asked = { "retry-after-ms": "1" };
    answerLooks([200, { executionState: "queued" }, asked], [503, {}], [500, {}]);
    answerLooks([200, { executionState: "running" }, asked], [200, { executionState: "succeeded" }]);
    const timers = vi.spyOn(globalThis, "setTimeout");
    const statuses: number[] = [];
    await quickClient().jobs.waitForCompletion(...myjob, { onResponse: ({ status }) => statuses.push(status) });
    expect(pausesOf(timers)).toContain(1);
    expect(Math.max(...pausesOf(timers))).toBeLessThan(2000);
    expect(statuses).toEqual([200, 200, 200]);
  });

  it("pauses two seconds where it does not ask", async () => {
    answerLooks([200, { executionState: "queued" }], [200, { executionState: "succeeded" }]);
    const timers = vi.spyOn(globalThis, "setTimeout");
    const before = performance.now();
    await quickClient().jobs.waitForCompletion(...myjob);
    expect(Math.max(...pausesOf(timers))).toBe(2000);
    expect(performance.now() - before).toBeGreaterThan(1900);
  });

  it("pauses for the stream of a file as for every other wait", async () => {
    const asked = { "retry-after-ms": "1" };
    const file = { name: "f", fileType: "file", downloadUrl: "https://storage.example/share/f?sig=x" };
    answerLooks([200, { executionState: "running" }, asked], [200, { executionState: "running" }, asked]);
    answerLooks([200, { executionState: "succeeded" }], [200, { executionState: "succeeded" }]);
    azureIsNock().post(`${jobPath}/listOutputFiles`).query(true).twice().reply(200, { value: [] });
    azureIsNock()
      .post(`${jobPath}/listOutputFiles`)
      .query(true)
      .reply(200, { value: [file] });
    nock("https://storage.example").get("/share/f").query(true).reply(206, "text", { "content-range": "bytes 0-3/4" });
    const timers = vi.spyOn(globalThis, "setTimeout");
    await expect(
      quickClient()
        .jobs.streamOutputFile(...myjob, "OUT", "f")
        .text(),
    ).resolves.toBe("text");
    expect(Math.max(...pausesOf(timers))).toBeLessThan(2000);
    expect(nock.isDone()).toBe(true);
  });

  it("does not take another job of the same name for the one that was waited for", async () => {
    answerLooks([200, { executionState: "running", creationTime: "2018-06-06T18:39:26Z" }]);
    answerLooks([200, { executionState: "succeeded", creationTime: "2018-06-06T19:00:00Z" }]);
    const error = await rejectionOf(quickClient().jobs.waitForCompletion(...myjob, { updateIntervalInMs: 1 }));
    expect(error).toMatchObject({ code: "ResourceReplaced", message: expect.stringContaining("job j was deleted") });
  });

  it("notices another job of the same name by its output folder, and not by what it did not know yet", async () => {
    answerLooks([200, { executionState: "queued" }]);
    answerLooks([
      200,
      { executionState: "running", jobOutputDirectoryPathSegment: "a", creationTime: "2018-06-06T18:39:26Z" },
    ]);
    answerLooks([
      200,
      { executionState: "succeeded", jobOutputDirectoryPathSegment: "b", creationTime: "2018-06-06T18:39:26Z" },
    ]);
    const states: string[] = [];
    const onStateChange = ({ newState }: JobStateChange): unknown => states.push(newState);
    const options = { updateIntervalInMs: 1, onStateChange };
    const error = await rejectionOf(quickClient().jobs.waitForCompletion(...myjob, options));
    expect(error).toMatchObject({ code: "ResourceReplaced" });
    expect(states).toEqual(["queued", "running"]);
  });

  it("waits for a new cluster that is steady because nothing has begun yet", async () => {
    const scaleSettings = { manual: { targetNodeCount: 1 } };
    for (const properties of [
      { allocationState: "steady", scaleSettings },
      { allocationState: "resizing", scaleSettings, nodeStateCounts: { unusableNodeCount: 1 } },
      { allocationState: "steady", scaleSettings, nodeStateCounts: { unusableNodeCount: 1, preparingNodeCount: 1 } },
      { allocationState: "steady", scaleSettings, nodeStateCounts: { unusableNodeCount: 1, idleNodeCount: 1 } },
    ]) {
      azureIsNock()
        .get(clusterPath)
        .query(true)
        .reply(200, { ...clusterBody, properties });
    }
    const ready: number[] = [];
    await quickClient().clusters.waitForNodes("g", "w", "c", {
      updateIntervalInMs: 1,
      onProgress: ({ readyNodeCount }) => ready.push(readyNodeCount),
    });
    expect(ready).toEqual([0, 0, 0, 1]);
    expect(nock.isDone()).toBe(true);
  });

  it("tells what became of a resize that failed without any node", async () => {
    const errors = [{ code: "AllocationFailed", message: "No room.", details: [{ name: "Region", value: "here" }] }];
    const properties = { allocationState: "steady", scaleSettings: { manual: { targetNodeCount: 2 } }, errors };
    azureIsNock()
      .get(clusterPath)
      .query(true)
      .reply(200, { ...clusterBody, properties });
    const error = await rejectionOf(quickClient().clusters.waitForNodes("g", "w", "c"));
    expect(error.message).toBe(
      "Cluster c cannot get its nodes: 0 of 2 nodes ready, 0 unusable, 0 being prepared, no more will be added. " +
        "AllocationFailed: No room. (Region: here).",
    );
  });
});
