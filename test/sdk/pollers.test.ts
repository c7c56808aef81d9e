import { once } from "node:events";
import { createHttpHeaders } from "@azure/core-rest-pipeline";
import nock from "nock";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { OperationState } from "../../src/index.ts";
import {
  azure,
  azureIsNock,
  clusterBody,
  clusterPath,
  jobPath,
  operationPath,
  quickClient,
  rejectionOf,
  workspaceBody,
  workspacePath,
} from "./fixtures.ts";

afterEach(() => {
  nock.abortPendingRequests();
  nock.cleanAll();
  nock.enableNetConnect();
});

const parameters = { vmSize: "STANDARD_D1", userAccountSettings: { adminUserName: "me" } };
const quick = { updateIntervalInMs: 1 };

/** The headers of the live service: each name carries the address that one would look for under the other. */
const crossedHeaders = {
  "azure-asyncoperation": `${azure}${operationPath}?api-version=2018-05-01`,
  location: `${azure}${operationPath.replace("operationresults", "operationstatuses")}?api-version=2018-05-01`,
};

function answerPolls(...bodies: object[]): void {
  for (const body of bodies) azureIsNock().get(operationPath).query(true).reply(200, body);
}

describe("the poller of a create", () => {
  it("follows the crossed headers of the service and ends with the resource", async () => {
    azureIsNock().put(clusterPath, { properties: parameters }).query(true).reply(202, "", crossedHeaders);
    answerPolls({ status: "InProgress" }, { status: "InProgress" }, { status: "Succeeded" });
    azureIsNock()
      .get(clusterPath)
      .query({ "api-version": "2018-05-01" })
      .reply(200, {
        ...clusterBody,
        properties: { creationTime: "2018-06-06T18:39:26.491Z", currentNodeCount: 0 },
      });
    const poller = quickClient().clusters.create("g", "w", "c", parameters, quick);
    const seen: string[] = [];
    poller.onProgress((state: OperationState<unknown>) => seen.push(state.status));
    await expect(poller).resolves.toEqual({
      ...clusterBody,
      creationTime: new Date("2018-06-06T18:39:26.491Z"),
      currentNodeCount: 0,
    });
    expect(seen).toEqual(["running", "running", "succeeded"]);
    expect(poller.isDone).toBe(true);
    expect(poller.result).toMatchObject({ name: "c" });
    expect(nock.isDone()).toBe(true);
  });

  it("is done at once when the service answers 200 without those headers", async () => {
    azureIsNock()
      .put(workspacePath)
      .query(true)
      .reply(200, {
        ...workspaceBody,
        properties: { provisioningState: "succeeded" },
      });
    const poller = quickClient().workspaces.create("g", "w", { location: "l" });
    await poller.submitted();
    expect(poller.isDone).toBe(true);
    await expect(poller).resolves.toEqual({ ...workspaceBody, provisioningState: "succeeded" });
  });

  it("watches the resource when a 200 says that it is still being created", async () => {
    azureIsNock()
      .put(workspacePath)
      .query(true)
      .reply(200, { ...workspaceBody, properties: { provisioningState: "creating" } });
    azureIsNock()
      .get(workspacePath)
      .query(true)
      .reply(200, { ...workspaceBody, properties: { provisioningState: "creating" } });
    azureIsNock()
      .get(workspacePath)
      .query(true)
      .reply(200, { ...workspaceBody, properties: { provisioningState: "succeeded" } });
    await expect(quickClient().workspaces.create("g", "w", { location: "l" }, quick)).resolves.toEqual({
      ...workspaceBody,
      provisioningState: "succeeded",
    });
  });

  it("rejects with what the operation failed of", async () => {
    azureIsNock().put(clusterPath).query(true).reply(202, "", crossedHeaders);
    answerPolls(
      { status: "InProgress" },
      { status: "Failed", error: { code: "ClusterQuotaReached", message: "too many" } },
    );
    const poller = quickClient().clusters.create("g", "w", "c", parameters, quick);
    const error = await rejectionOf(poller);
    expect(error).toMatchObject({
      name: "RestError",
      code: "ClusterQuotaReached",
      message: "clusters.create: too many [ClusterQuotaReached]",
      details: { code: "ClusterQuotaReached", message: "too many" },
    });
    expect(poller.operationState?.status).toBe("failed");
    await expect(rejectionOf(poller)).resolves.toBe(error);
  });

  it.each(["Canceled", "Cancelled"])("rejects when the operation was %s", async (status) => {
    azureIsNock().put(clusterPath).query(true).reply(202, "", crossedHeaders);
    answerPolls({ status });
    await expect(quickClient().clusters.create("g", "w", "c", parameters, quick)).rejects.toMatchObject({
      name: "RestError",
      code: "OperationFailed",
    });
  });

  it("sends its first request before anybody waits, and a failure of it harms nobody who does not", async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): number => unhandled.push(reason);
    process.on("unhandledRejection", note);
    try {
      azureIsNock()
        .put(clusterPath)
        .query(true)
        .reply(400, { error: { code: "Bad", message: "bad" } });
      const poller = quickClient().clusters.create("g", "w", "c", parameters);
      await expect.poll(() => nock.isDone()).toBe(true);
      await new Promise((resolve) => setImmediate(resolve));
      await expect(poller).rejects.toMatchObject({ code: "Bad" });
      expect(unhandled).toEqual([]);
    } finally {
      process.off("unhandledRejection", note);
    }
  });

  it.each(["400", "wrong arguments"])("warns when nobody uses a poller whose first request failed: %s", async (why) => {
    azureIsNock()
      .put(clusterPath)
      .query(true)
      .reply(400, { error: { code: "Bad", message: "bad" } });
    const warned = once(process, "warning") as Promise<[Error & { code: string }]>;
    const wanted = why === "400" ? parameters : { ...parameters, vmSize: 3 as unknown as string };
    void quickClient().clusters.create("g", "w", "c", wanted);
    const [{ name, code, message }] = await warned;
    expect({ name, code }).toEqual({ name: "BatchAIWarning", code: "UnusedPoller" });
    expect(message).toMatch(
      /^clusters\.create failed, and nothing has awaited its poller yet\. Await it to handle this error: clu/,
    );
  });

  it("has waits that end one by one, and polls no more when nobody waits", async () => {
    azureIsNock().delete(clusterPath).query(true).reply(202, "", crossedHeaders);
    let polls = 0;
    let status = "InProgress";
    azureIsNock()
      .get(operationPath)
      .query(true)
      .times(1000)
      .reply(() => {
        polls += 1;
        return [200, { status }];
      });
    const poller = quickClient().clusters.delete("g", "w", "c", { updateIntervalInMs: 5 });
    const [first, second] = [new AbortController(), new AbortController()];
    const waits = [
      rejectionOf(poller.pollUntilDone({ abortSignal: first.signal })),
      rejectionOf(poller.pollUntilDone({ abortSignal: second.signal })),
    ] as const;
    await expect.poll(() => polls).toBeGreaterThan(0);
    first.abort();
    expect((await waits[0]).name).toBe("AbortError");
    const seen = polls;
    await expect.poll(() => polls).toBeGreaterThan(seen);
    second.abort();
    expect((await waits[1]).name).toBe("AbortError");
    // A poll can be under way while the last wait ends.
    await expect
      .poll(async () => {
        const before = polls;
        await new Promise((resolve) => setImmediate(resolve));
        return polls - before;
      })
      .toBe(0);
    expect(poller.operationState?.status).toBe("running");
    status = "Succeeded";
    await expect(poller).resolves.toBeUndefined();
  });

  it("polls step by step when asked to", async () => {
    azureIsNock().put(clusterPath).query(true).reply(202, "", crossedHeaders);
    answerPolls({ status: "InProgress" }, { status: "Succeeded" });
    azureIsNock().get(clusterPath).query(true).reply(200, clusterBody);
    const poller = quickClient().clusters.create("g", "w", "c", parameters, quick);
    await expect(poller.poll()).resolves.toMatchObject({ status: "running" });
    await expect(poller.poll()).resolves.toMatchObject({ status: "succeeded", result: { name: "c" } });
  });
});

describe("the poller of a delete or a terminate", () => {
  it.each([200, 204])("is done at once when the answer is %i", async (status) => {
    azureIsNock().delete(clusterPath).query(true).reply(status);
    await expect(quickClient().clusters.delete("g", "w", "c")).resolves.toBeUndefined();
  });

  it("ends without asking for a resource that is gone", async () => {
    azureIsNock().delete(clusterPath).query(true).reply(202, "", crossedHeaders);
    answerPolls({ status: "InProgress" }, { status: "Succeeded", properties: { resourceId: "s$g$w$c" } });
    await expect(quickClient().clusters.delete("g", "w", "c", quick)).resolves.toBeUndefined();
    expect(nock.isDone()).toBe(true);
  });

  it("ends without a last look at the location", async () => {
    azureIsNock().post(`${jobPath}/terminate`, "").query(true).reply(202, "", crossedHeaders);
    answerPolls({ status: "Succeeded" });
    await expect(quickClient().jobs.terminate("g", "w", "e", "j", quick)).resolves.toBeUndefined();
  });

  it("is done at once when the job had ended before", async () => {
    azureIsNock().post(`${jobPath}/terminate`).query(true).reply(200);
    await expect(quickClient().jobs.terminate("g", "w", "e", "j")).resolves.toBeUndefined();
  });

  it("follows the location where there is nothing else", async () => {
    azureIsNock()
      .delete(clusterPath)
      .query(true)
      .reply(202, "", { location: `${azure}${operationPath}` });
    azureIsNock().get(operationPath).reply(202);
    azureIsNock().get(operationPath).reply(204);
    await expect(quickClient().clusters.delete("g", "w", "c", quick)).resolves.toBeUndefined();
  });
});

describe("the pause between two polls", () => {
  it.each([
    ["retry-after-ms", "60", 60],
    ["x-ms-retry-after-ms", "60", 60],
    ["retry-after", "1", 1000],
  ])("is what the service asks for by %s: %s", async (header, value, atLeastMs) => {
    azureIsNock()
      .delete(clusterPath)
      .query(true)
      .reply(202, "", { ...crossedHeaders, [header]: value });
    const times: number[] = [Date.now()];
    azureIsNock()
      .get(operationPath)
      .query(true)
      .reply(() => {
        times.push(Date.now());
        return [200, { status: "Succeeded" }];
      });
    await quickClient().clusters.delete("g", "w", "c", quick);
    // Timers may fire a millisecond early.
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(atLeastMs - 2);
  });

  it("is shorter than the client's own when the service says so", async () => {
    azureIsNock().delete(clusterPath).query(true).reply(202, "", crossedHeaders);
    azureIsNock().get(operationPath).query(true).reply(200, { status: "InProgress" }, { "retry-after-ms": "5" });
    azureIsNock().get(operationPath).query(true).reply(200, { status: "Succeeded" });
    await expect(
      quickClient().clusters.delete("g", "w", "c", { updateIntervalInMs: 600_000 }),
    ).resolves.toBeUndefined();
  });

  it.each([
    ["every 2 seconds", azure, 2000],
    ["every 100 ms on this machine", "http://127.0.0.1:1", 100],
  ])("is polite where the service says nothing: %s", async (_, endpoint, pauseInMs) => {
    vi.useFakeTimers();
    try {
      let polls = 0;
      const client = quickClient({
        endpoint,
        allowInsecureConnection: true,
        httpClient: {
          sendRequest: (request) => {
            if (request.method === "GET") polls += 1;
            const headers = createHttpHeaders({ "azure-asyncoperation": `${endpoint}${operationPath}` });
            const [status, bodyAsText] = request.method === "GET" ? [200, '{"status":"InProgress"}'] : [202, ""];
            return Promise.resolve({ request, status, headers, bodyAsText });
          },
        },
      });
      const controller = new AbortController();
      const rejection = rejectionOf(client.clusters.delete("g", "w", "c", { abortSignal: controller.signal }));
      await vi.advanceTimersByTimeAsync(0);
      const polled = [polls];
      for (const step of [pauseInMs - 1, 1, pauseInMs - 1, 1]) {
        await vi.advanceTimersByTimeAsync(step);
        polled.push(polls);
      }
      expect(polled).toEqual([1, 1, 2, 2, 3]);
      controller.abort();
      await vi.advanceTimersByTimeAsync(1);
      expect((await rejection).name).toBe("AbortError");
    } finally {
      vi.useRealTimers();
    }
  });
});
