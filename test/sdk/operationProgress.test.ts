import nock from "nock";
import { afterEach, describe, expect, it } from "vitest";
import type { Cluster, OperationProgress, Workspace } from "../../src/index.ts";
import { restorePoller } from "../../src/index.ts";
import {
  azure,
  azureIsNock,
  clusterPath,
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
const accepted = { "azure-asyncoperation": `${azure}${operationPath}?api-version=2018-05-01` };
const quick = { updateIntervalInMs: 1 };

function answerPut(path: string, ...answer: [status: number, body: object | string, headers?: Record<string, string>]) {
  azureIsNock()
    .put(path)
    .query(true)
    .reply(...answer);
}

function answerGet(path: string, ...bodies: object[]): void {
  for (const body of bodies) azureIsNock().get(path).query(true).reply(200, body);
}

const resource = (provisioningState: string, more: object = {}): object => ({
  ...workspaceBody,
  properties: { provisioningState, ...more },
});

describe("a progress event", () => {
  it("tells operation, resource and status, and at the end the state of the resource and the resource", async () => {
    answerPut(clusterPath, 202, "", accepted);
    answerGet(operationPath, { status: "InProgress" }, { status: "Succeeded" });
    answerGet(clusterPath, resource("succeeded"));
    const poller = quickClient().clusters.create("g", "w", "c", parameters, quick);
    const seen: OperationProgress<Cluster>[] = [];
    poller.onProgress((state) => seen.push({ ...state }));
    await poller;
    const about = { operation: "clusters.create", resourceId: clusterPath };
    expect(seen).toMatchObject([
      { ...about, status: "running", serviceStatus: "InProgress" },
      {
        ...about,
        status: "succeeded",
        serviceStatus: "Succeeded",
        provisioningState: "succeeded",
        result: { name: "w", provisioningState: "succeeded" },
      },
    ]);
    expect(seen[0]).not.toHaveProperty("provisioningState");
  });

  it("tells the state of the resource where that is what is polled", async () => {
    answerPut(workspacePath, 200, resource("creating"));
    answerGet(workspacePath, resource("creating"), resource("succeeded"));
    const poller = quickClient().workspaces.create("g", "w", { location: "l" }, quick);
    const seen: unknown[] = [];
    poller.onProgress(({ status, provisioningState }) => seen.push([status, provisioningState]));
    await poller.submitted();
    expect(poller.operationState).toMatchObject({ operation: "workspaces.create", provisioningState: "creating" });
    await poller;
    expect(seen).toEqual([
      ["running", "creating"],
      ["succeeded", "succeeded"],
    ]);
  });

  it("names the job of a terminate, and comes no more when it was cancelled", async () => {
    const jobPath = `${workspacePath}/experiments/e/jobs/j`;
    azureIsNock().post(`${jobPath}/terminate`).query(true).reply(202, "", accepted);
    answerGet(operationPath, { status: "InProgress" }, { status: "Succeeded" });
    const poller = quickClient().jobs.terminate("g", "w", "e", "j", quick);
    const seen: string[] = [];
    const cancel = poller.onProgress(({ operation, resourceId }) => {
      seen.push(`${operation} ${resourceId}`);
      cancel();
    });
    await poller;
    expect(seen).toEqual([`jobs.terminate ${jobPath}`]);
  });

  it("tells the same after the poller went on elsewhere", async () => {
    answerPut(clusterPath, 202, "", accepted);
    const state = await quickClient().clusters.create("g", "w", "c", parameters).serialize();
    answerGet(operationPath, { status: "InProgress" });
    const restored = restorePoller<Cluster>(quickClient(), state, quick);
    await expect(restored.poll()).resolves.toMatchObject({
      operation: "clusters.create",
      resourceId: clusterPath,
      status: "running",
      serviceStatus: "InProgress",
    });
  });
});

describe("a resource that turns out to have failed", () => {
  it("rejects when the first answer says so", async () => {
    answerPut(workspacePath, 200, resource("failed"));
    await expect(quickClient().workspaces.create("g", "w", { location: "l" })).rejects.toMatchObject({
      name: "RestError",
      code: "OperationFailed",
      message:
        "workspaces.create: the resource could not be created: its provisioningState is failed, without an error message " +
        "[OperationFailed]",
    });
  });

  it("rejects when a later answer says so, with the resource's own error", async () => {
    const errors = [{ code: "NoCores", message: "no cores left" }];
    answerPut(clusterPath, 200, resource("creating"));
    answerGet(clusterPath, resource("creating"), resource("failed", { errors }));
    const poller = quickClient().clusters.create("g", "w", "c", parameters, quick);
    const error = await rejectionOf(poller);
    expect(error).toMatchObject({
      name: "RestError",
      code: "NoCores",
      message: "clusters.create: no cores left [NoCores]",
    });
    expect(poller.operationState).toMatchObject({ status: "failed", provisioningState: "failed" });
    await expect(restorePoller<Cluster>(quickClient(), await poller.serialize())).rejects.toMatchObject({
      name: "RestError",
      code: "NoCores",
    });
  });

  it("is a result when the operation itself says that it succeeded", async () => {
    answerPut(clusterPath, 202, "", accepted);
    answerGet(operationPath, { status: "Succeeded" });
    answerGet(clusterPath, resource("failed"));
    await expect(quickClient().clusters.create("g", "w", "c", parameters, quick)).resolves.toMatchObject({
      provisioningState: "failed",
    });
  });
});

describe("the error of an aborted wait", () => {
  it("says which operation continues, on which resource, and how to wait for it again", async () => {
    answerPut(workspacePath, 200, resource("creating"));
    azureIsNock().get(workspacePath).query(true).times(3).reply(200, resource("creating"));
    const controller = new AbortController();
    const poller = quickClient().workspaces.create(
      "g",
      "w",
      { location: "l" },
      { ...quick, abortSignal: controller.signal },
    );
    poller.onProgress(() => controller.abort());
    const error = await rejectionOf(poller);
    expect(error.name).toBe("AbortError");
    expect(error.message).toBe(
      `workspaces.create of ${workspacePath}: the wait was aborted. The operation continues in the service. ` +
        "To wait for it again, call restorePoller(client, await poller.serialize()).",
    );
    nock.cleanAll();
    answerGet(workspacePath, resource("succeeded"));
    await expect(restorePoller<Workspace>(quickClient(), await poller.serialize(), quick)).resolves.toMatchObject({
      provisioningState: "succeeded",
    });
  });

  it("is the same for the signal of one wait, whenever it comes", async () => {
    answerPut(clusterPath, 202, "", accepted);
    azureIsNock().get(operationPath).query(true).times(3).reply(200, { status: "InProgress" });
    const poller = quickClient().clusters.create("g", "w", "c", parameters, quick);
    const controller = new AbortController();
    poller.onProgress(() => controller.abort());
    const error = await rejectionOf(poller.pollUntilDone({ abortSignal: controller.signal }));
    expect(error.name).toBe("AbortError");
    expect(error.message).toContain(`clusters.create of ${clusterPath}: the wait was aborted. The operation continues`);
    const asked = await rejectionOf(poller.poll({ abortSignal: AbortSignal.abort() }));
    expect(asked.message).toBe(error.message);
  });

  it("does not claim to know what became of a request without an answer", async () => {
    azureIsNock().put(clusterPath).query(true).delay(60_000).reply(202, "", accepted);
    const controller = new AbortController();
    const poller = quickClient().clusters.create("g", "w", "c", parameters, { abortSignal: controller.signal });
    await expect.poll(() => nock.isDone()).toBe(true);
    controller.abort();
    await expect(rejectionOf(poller)).resolves.toMatchObject({
      name: "AbortError",
      message:
        `clusters.create of ${clusterPath}: the wait was aborted. ` +
        "The service had not responded yet, so the operation may have started. Check the resource.",
    });
  });
});
