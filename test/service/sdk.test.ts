import { ResourceManagementClient } from "@azure/arm-resources";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  allowLoopbackHttp,
  BatchAIManagementClient,
  isRestError,
  restorePoller,
  tokenCredential,
} from "../../src/index.ts";
import type { Cluster, File, Job } from "../../src/index.ts";
import { EmbeddedService } from "./embeddedService.ts";

const group = "myresourcegroup";
let embedded: EmbeddedService;
let client: BatchAIManagementClient;
let resources: ResourceManagementClient;

beforeAll(async () => {
  embedded = await EmbeddedService.start({ gracePeriodInMs: 500 });
  const { endpoint, subscriptionId, token } = embedded.service.connection;
  const credential = tokenCredential(token);
  client = new BatchAIManagementClient(credential, subscriptionId, { endpoint, allowInsecureConnection: true });
  resources = new ResourceManagementClient(credential, subscriptionId, { endpoint, allowInsecureConnection: true });
  allowLoopbackHttp(resources.pipeline, credential);
});

afterAll(async () => {
  await embedded.close();
});

describe("@azure/arm-resources", () => {
  it("creates, finds, updates, lists and deletes resource groups, and registers the provider", async () => {
    expect(await resources.resourceGroups.checkExistence("other")).toMatchObject({ body: false });
    const created = await resources.resourceGroups.createOrUpdate("other", { location: "eastus", tags: { a: "1" } });
    expect(created).toMatchObject({
      name: "other",
      location: "eastus",
      properties: { provisioningState: "Succeeded" },
    });
    expect(await resources.resourceGroups.checkExistence("OTHER")).toMatchObject({ body: true });
    expect((await resources.resourceGroups.update("other", { tags: { b: "2" } })).tags).toEqual({ b: "2" });
    const names: (string | undefined)[] = [];
    for await (const { name } of resources.resourceGroups.list()) names.push(name);
    expect(names).toContain("other");
    expect(await resources.providers.register("Microsoft.BatchAI")).toMatchObject({ registrationState: "Registered" });

    await client.workspaces.create("other", "inside", { location: "eastus" });
    await resources.resourceGroups.delete("other");
    await expect(resources.resourceGroups.get("other")).rejects.toMatchObject({
      statusCode: 404,
      code: "ResourceGroupNotFound",
    });
    await expect(client.workspaces.get("other", "inside")).rejects.toMatchObject({ code: "ResourceGroupNotFound" });
  });
});

describe("the SDK", () => {
  it("does all of the article", async () => {
    await resources.resourceGroups.createOrUpdate(group, { location: "eastus" });
    const workspace = await client.workspaces.create(group, "work", { location: "eastus" });
    expect(workspace.creationTime).toBeInstanceOf(Date);
    const mount = await embedded.share("files");
    const states: (string | undefined)[] = [];
    const poller = client.clusters.create(group, "work", "nodes", {
      vmSize: "STANDARD_NC6",
      scaleSettings: { manual: { targetNodeCount: 1 } },
      userAccountSettings: { adminUserName: "demo", adminUserPassword: "a-password" },
      nodeSetup: { mountVolumes: { azureFileShares: [mount as never] } },
    });
    poller.onProgress((state) => states.push(state.status));
    const cluster: Cluster = await poller;
    expect(states.at(-1)).toBe("succeeded");
    expect(cluster).toMatchObject({ provisioningState: "succeeded", currentNodeCount: expect.any(Number) as number });
    expect((await client.experiments.create(group, "work", "exp")).name).toBe("exp");

    const job: Job = await client.jobs.create(group, "work", "exp", "job", {
      cluster,
      nodeCount: 1,
      stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/files",
      customToolkitSettings: { commandLine: "echo done" },
    });
    expect(job).toMatchObject({ toolType: "custom", constraints: { maxWallClockTime: "P7D" } });
    let state = job.executionState;
    while (state !== "succeeded" && state !== "failed")
      state = (await client.jobs.get(group, "work", "exp", "job")).executionState;
    expect(state).toBe("succeeded");

    const files: File[] = [];
    for await (const file of client.jobs.listOutputFiles(group, "work", "exp", "job", "stdouterr")) files.push(file);
    const stdout = files.find(({ name }) => name === "stdout.txt");
    expect(stdout).toMatchObject({ fileType: "file", contentLength: 5 });
    expect(await (await fetch(stdout?.downloadUrl ?? "")).text()).toBe("done\n");

    const pages: number[] = [];
    const few = client.jobs.listOutputFiles(group, "work", "exp", "job", "stdouterr", { maxResults: 2 });
    for await (const page of few.byPage()) pages.push(page.length);
    expect(pages).toEqual([2, 1]);

    const deletion = client.jobs.delete(group, "work", "exp", "job");
    const saved = await deletion.serialize();
    await restorePoller(client, saved);
    await expect(client.jobs.get(group, "work", "exp", "job")).rejects.toMatchObject({
      statusCode: 404,
      code: "JobNotFound",
    });
    await client.workspaces.delete(group, "work");
  });

  it("reads lists of the provider and of a region", async () => {
    const operations: (string | undefined)[] = [];
    for await (const { name } of client.operations.list()) operations.push(name);
    expect(operations).toContain("Microsoft.BatchAI/workspaces/experiments/jobs/terminate/action");
    const usages: (string | undefined)[] = [];
    for await (const { name } of client.usages.list("eastus")) usages.push(name?.value);
    expect(usages[0]).toBe("Clusters");
    await client.workspaces.delete(group, "none");
  });

  it("gives the service's error to the caller: code, message, target and details", async () => {
    const careless = new BatchAIManagementClient(
      tokenCredential(embedded.service.connection.token),
      embedded.service.connection.subscriptionId,
      {
        endpoint: embedded.service.connection.endpoint,
        allowInsecureConnection: true,
        validate: false,
      },
    );
    await client.workspaces.create(group, "errors", { location: "eastus" });
    const failure: unknown = await Promise.resolve(
      careless.clusters.create(group, "errors", "bad", { vmSize: "x" } as never),
    ).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (!isRestError(failure)) throw new Error(`not a RestError: ${String(failure)}`);
    expect(failure).toMatchObject({
      statusCode: 400,
      code: "InvalidParameter",
      details: { target: "properties.userAccountSettings" },
    });
    expect(failure.message).toContain("userAccountSettings");
  });

  it("will not send its token in clear unless it is told to", async () => {
    const { endpoint, subscriptionId, token } = embedded.service.connection;
    const strict = (): BatchAIManagementClient =>
      new BatchAIManagementClient(tokenCredential(token), subscriptionId, { endpoint });
    await expect((async () => await strict().workspaces.get(group, "work"))()).rejects.toThrow(
      /allowInsecureConnection/,
    );
  });
});
