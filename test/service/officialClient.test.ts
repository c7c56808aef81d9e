import { BatchAIManagementClient } from "@azure/arm-batchai";
import type { BatchAIManagementModels } from "@azure/arm-batchai";
import { ShareServiceClient, StorageSharedKeyCredential } from "@azure/storage-file-share";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BatchAIService } from "../../src/service/index.ts";
import { officialOperations } from "../sdk/officialSpecs.ts";
import { ArmCaller } from "./arm.ts";
import { until } from "../until.ts";

const group = "myresourcegroup";
const workspace = "myworkspace";
const experiment = "myexperiment";

let folder: string;
let service: BatchAIService;
let client: BatchAIManagementClient;
const called = new Set<string>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "batchai-"));
  service = await BatchAIService.start({ dataDir: folder });
  const { endpoint, subscriptionId, token } = service.connection;
  const credentials: ConstructorParameters<typeof BatchAIManagementClient>[0] = {
    signRequest: (request) => {
      request.headers.set("authorization", `Bearer ${token}`);
      return Promise.resolve(request);
    },
  };
  client = new BatchAIManagementClient(credentials, subscriptionId, {
    baseUri: endpoint,
    longRunningOperationRetryTimeout: 0,
    noRetryPolicy: true,
  });
  noteCalls(client);
  const arm = new ArmCaller(service.connection);
  await arm.expect("PUT", arm.inSubscription(`/resourceGroups/${group}`), { location: "eastus" });
});

afterAll(async () => {
  await service.close();
  await rm(folder, { recursive: true, force: true });
});

describe("the official JavaScript client of 2018", () => {
  it("walks from a workspace to the output of a job and back", async () => {
    const share = await makeShare("jobs");
    expect((await client.workspaces.create(group, workspace, { location: "eastus" })).provisioningState).toBe(
      "succeeded",
    );

    const cluster = await client.clusters.create(group, workspace, "mycluster", clusterParameters());
    expect(cluster).toMatchObject({
      name: "mycluster",
      type: "Microsoft.BatchAI/workspaces/clusters",
      vmSize: "STANDARD_NC6",
      vmPriority: "dedicated",
      provisioningState: "succeeded",
      scaleSettings: { manual: { targetNodeCount: 1, nodeDeallocationOption: "requeue" } },
      virtualMachineConfiguration: { imageReference: { publisher: "Canonical", version: "latest" } },
    });
    expect(cluster.userAccountSettings?.adminUserPassword).toBeUndefined();
    expect(cluster.nodeSetup?.mountVolumes?.azureFileShares?.[0]).toMatchObject({ fileMode: "0777", credentials: {} });
    await until("the node is idle", async () => {
      const { nodeStateCounts, allocationState } = await client.clusters.get(group, workspace, "mycluster");
      return allocationState === "steady" && nodeStateCounts?.idleNodeCount === 1;
    });
    const login = await client.clusters.listRemoteLoginInformation(group, workspace, "mycluster");
    expect(login).toMatchObject([]);

    await client.experiments.create(group, workspace, experiment);
    const created = await client.jobs.create(group, workspace, experiment, "myjob", jobParameters(cluster.id ?? ""));
    expect(created).toMatchObject({
      toolType: "custom",
      schedulingPriority: "normal",
      constraints: { maxWallClockTime: "P7D" },
    });
    await until("the job has ended", async () => {
      const { executionState } = await client.jobs.get(group, workspace, experiment, "myjob");
      return executionState === "succeeded" || executionState === "failed";
    });
    const job = await client.jobs.get(group, workspace, experiment, "myjob");
    expect(job).toMatchObject({ executionState: "succeeded", executionInfo: { exitCode: 0 } });
    expect(job.secrets).toEqual([{ name: "SECRET" }]);

    const logs = await client.jobs.listOutputFiles(group, workspace, experiment, "myjob", {
      outputdirectoryid: "stdouterr",
    });
    expect(logs.map(({ name }) => name)).toEqual(["execution.log", "stderr.txt", "stdout.txt"]);
    expect(await download(logs.find(({ name }) => name === "stdout.txt"))).toBe("input: hello\n");
    const models = await client.jobs.listOutputFiles(group, workspace, experiment, "myjob", {
      outputdirectoryid: "MODEL",
    });
    expect(models).toMatchObject([
      { name: "deep", fileType: "directory" },
      { name: "model.txt", fileType: "file", contentLength: 10 },
    ]);
    const below = { outputdirectoryid: "MODEL", directory: "deep" };
    const deep = await client.jobs.listOutputFiles(group, workspace, experiment, "myjob", below);
    expect(await download(deep[0])).toBe("secret-of-the-job");
    expect(await exists(share, job.jobOutputDirectoryPathSegment ?? "")).toBe(true);

    await client.jobs.deleteMethod(group, workspace, experiment, "myjob");
    expect(await client.jobs.listByExperiment(group, workspace, experiment)).toHaveLength(0);
    await client.experiments.deleteMethod(group, workspace, experiment);
    await client.clusters.deleteMethod(group, workspace, "mycluster");
    await client.workspaces.deleteMethod(group, workspace);
    expect(await client.workspaces.list()).toHaveLength(0);
  });

  it("terminates, lists by pages, updates and reads usages and operations", async () => {
    await client.workspaces.create(group, "second", { location: "eastus", tags: { a: "1" } });
    expect(await client.workspaces.update(group, "second", { tags: { b: "2" } })).toMatchObject({ tags: { b: "2" } });
    const parameters = { ...clusterParameters(), nodeSetup: undefined };
    const cluster = await client.clusters.create(group, "second", "nodes", parameters);
    const scaled = await client.clusters.update(group, "second", "nodes", {
      scaleSettings: { autoScale: { minimumNodeCount: 0, maximumNodeCount: 1 } },
    });
    expect(scaled.scaleSettings).toEqual({
      autoScale: { minimumNodeCount: 0, maximumNodeCount: 1, initialNodeCount: 0 },
    });

    await client.experiments.create(group, "second", experiment);
    for (const name of ["one", "two", "three"]) {
      await client.jobs.create(group, "second", experiment, name, sleepParameters(cluster.id ?? ""));
    }
    const first = await client.jobs.listByExperiment(group, "second", experiment, {
      jobsListByExperimentOptions: { maxResults: 2 },
    });
    expect(first.map(({ name }) => name)).toEqual(["one", "two"]);
    const rest = await client.jobs.listByExperimentNext(first.nextLink ?? "");
    expect(rest.map(({ name }) => name)).toEqual(["three"]);
    expect(rest.nextLink).toBeUndefined();

    await until("the first job runs", async () => (await stateOf("one")) === "running");
    for (const name of ["three", "one"]) {
      await client.jobs.terminate(group, "second", experiment, name);
      const { executionState, executionInfo } = await client.jobs.get(group, "second", experiment, name);
      expect(executionState).toBe("failed");
      expect(executionInfo).toMatchObject({ errors: [{ code: "JobTerminated" }] });
      expect(executionInfo?.exitCode).toBeUndefined();
    }
    await client.jobs.terminate(group, "second", experiment, "one");

    const usages = await client.usages.list("eastus");
    expect(usages.find(({ name }) => name?.value === "Clusters")).toMatchObject({ unit: "Count", currentValue: 1 });
    expect((await client.operations.list()).map(({ name }) => name)).toContain(
      "Microsoft.BatchAI/workspaces/clusters/write",
    );
    expect(await client.clusters.listByWorkspace(group, "second")).toMatchObject([{ name: "nodes" }]);
    const logins = await client.jobs.listRemoteLoginInformation(group, "second", experiment, "one");
    expect(logins).toMatchObject([]);
    await client.workspaces.deleteMethod(group, "second");
    await expect(client.clusters.get(group, "second", "nodes")).rejects.toMatchObject({
      statusCode: 404,
      code: "WorkspaceNotFound",
    });
  });

  it("makes and removes a file server, and finds workspaces and experiments where it looks for them", async () => {
    const { workspaces, experiments, fileServers } = client;
    await workspaces.create(group, "third", { location: "eastus" });
    expect(await workspaces.get(group, "third")).toMatchObject({ name: "third", location: "eastus" });
    expect((await workspaces.listByResourceGroup(group)).map(({ name }) => name)).toContain("third");

    await experiments.create(group, "third", experiment);
    expect(await experiments.get(group, "third", experiment)).toMatchObject({
      type: "Microsoft.BatchAI/workspaces/experiments",
      provisioningState: "succeeded",
    });
    expect(await experiments.listByWorkspace(group, "third")).toMatchObject([{ name: experiment }]);

    const created = await fileServers.create(group, "third", "nfs", {
      vmSize: "STANDARD_D1",
      sshConfiguration: { userAccountSettings: { adminUserName: "demo", adminUserPassword: "a-password" } },
      dataDisks: { diskSizeInGB: 10, diskCount: 2, storageAccountType: "Standard_LRS" },
    });
    expect(created).toMatchObject({ name: "nfs", provisioningState: "succeeded", dataDisks: { cachingType: "none" } });
    expect(created.sshConfiguration?.userAccountSettings.adminUserPassword).toBeUndefined();
    expect(await fileServers.get(group, "third", "nfs")).toEqual(created);
    expect(await fileServers.listByWorkspace(group, "third")).toMatchObject([{ name: "nfs" }]);
    await fileServers.deleteMethod(group, "third", "nfs");
    await expect(fileServers.get(group, "third", "nfs")).rejects.toMatchObject({ code: "FileServerNotFound" });
    await workspaces.deleteMethod(group, "third");
  });

  it("has called every one of its 29 operations", () => {
    const all = officialOperations().map((operation) => `${operation.group}.${operation.officialMethod}`);
    expect(all).toHaveLength(29);
    expect([...called].filter((name) => all.includes(name)).sort()).toEqual(all.sort());
  });

  async function stateOf(name: string): Promise<string | undefined> {
    return (await client.jobs.get(group, "second", experiment, name)).executionState;
  }
});

/** Takes note of every method of the client that is called from now on. */
function noteCalls(of: BatchAIManagementClient): void {
  for (const { group: name, officialMethod } of officialOperations()) {
    const operations = of[name as "jobs"] as unknown as Record<string, (...args: unknown[]) => unknown>;
    const original = operations[officialMethod];
    operations[officialMethod] = function (this: unknown, ...args: unknown[]) {
      called.add(`${name}.${officialMethod}`);
      return original?.apply(this, args);
    };
  }
}

async function makeShare(name: string): Promise<ReturnType<ShareServiceClient["getShareClient"]>> {
  const { accountName, accountKey, fileEndpoint } = service.connection.storage;
  const files = new ShareServiceClient(fileEndpoint, new StorageSharedKeyCredential(accountName, accountKey));
  const share = files.getShareClient(name);
  await share.create();
  const input = share.getDirectoryClient("input");
  await input.create();
  await input.getFileClient("data.txt").uploadData(Buffer.from("hello"));
  return share;
}

async function exists(share: Awaited<ReturnType<typeof makeShare>>, path: string): Promise<boolean> {
  return await share.getDirectoryClient(path).exists();
}

async function download(file: BatchAIManagementModels.File | undefined): Promise<string> {
  const response = await fetch(file?.downloadUrl ?? "");
  expect(response.status).toBe(200);
  return await response.text();
}

function clusterParameters(): BatchAIManagementModels.ClusterCreateParameters {
  const { accountName, accountKey } = service.connection.storage;
  return {
    vmSize: "STANDARD_NC6",
    scaleSettings: { manual: { targetNodeCount: 1 } },
    userAccountSettings: { adminUserName: "demo", adminUserPassword: "a-password" },
    nodeSetup: {
      mountVolumes: {
        azureFileShares: [
          {
            accountName,
            credentials: { accountKey },
            azureFileUrl: `https://${accountName}.file.core.windows.net/jobs`,
            relativeMountPath: "azurefileshare",
          },
        ],
      },
    },
  };
}

function jobParameters(clusterId: string): BatchAIManagementModels.JobCreateParameters {
  return {
    cluster: { id: clusterId },
    nodeCount: 1,
    inputDirectories: [{ id: "SAMPLE", path: "$AZ_BATCHAI_MOUNT_ROOT/azurefileshare/input" }],
    outputDirectories: [{ id: "MODEL", pathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/azurefileshare", pathSuffix: "Models" }],
    stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/azurefileshare",
    environmentVariables: [{ name: "WORD", value: "input" }],
    secrets: [{ name: "SECRET", value: "secret-of-the-job" }],
    customToolkitSettings: {
      commandLine:
        'echo "$WORD: $(cat $AZ_BATCHAI_INPUT_SAMPLE/data.txt)" && cd "$AZ_BATCHAI_OUTPUT_MODEL" && ' +
        'printf 0123456789 > model.txt && mkdir deep && printf "$SECRET" > deep/secret.txt',
    },
  };
}

function sleepParameters(clusterId: string): BatchAIManagementModels.JobCreateParameters {
  return {
    cluster: { id: clusterId },
    nodeCount: 1,
    stdOutErrPathPrefix: "$AZ_BATCHAI_JOB_TEMP_DIR",
    customToolkitSettings: { commandLine: "sleep 600" },
  };
}
