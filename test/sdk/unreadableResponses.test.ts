import nock from "nock";
import { afterEach, describe, expect, it } from "vitest";
import { restorePoller } from "../../src/index.ts";
import type { BatchAIManagementClient, Cluster } from "../../src/index.ts";
import {
  azure,
  azureIsNock,
  clusterBody,
  clusterPath,
  collect,
  jobBody,
  jobPath,
  operationPath,
  quickClient,
  rejectionOf,
  workspaceBody,
  workspacePath,
} from "./fixtures.ts";

afterEach(() => {
  nock.cleanAll();
  nock.enableNetConnect();
});

const parameters = { vmSize: "STANDARD_D1", userAccountSettings: { adminUserName: "me" } };
const accepted = { "azure-asyncoperation": `${azure}${operationPath}?api-version=2018-05-01` };
const quick = { updateIntervalInMs: 1 };

const bodies: [body: string, objection: string][] = [
  ["", "it is empty"],
  ["null", "it is null"],
  ["[]", "it is an array"],
  ['"x"', "it is a string"],
  ["7", "it is a number"],
  ["{}", "it lacks id"],
  ['{"id":null,"name":"n","type":"t"}', "it lacks id"],
  ['{"id":"/i","type":"t"}', "it lacks name"],
  ['{"id":"/i","name":"n"}', "it lacks type"],
  ['{"id":"/i","name":{},"type":"t"}', "its name is not a string"],
];

type Method = [
  name: string,
  type: string,
  verb: "GET" | "PUT" | "PATCH",
  path: string,
  call: (client: BatchAIManagementClient) => PromiseLike<unknown>,
];

const methods: Method[] = [
  ["workspaces.get", "Workspace", "GET", workspacePath, ({ workspaces }) => workspaces.get("g", "w")],
  ["workspaces.update", "Workspace", "PATCH", workspacePath, ({ workspaces }) => workspaces.update("g", "w", {})],
  [
    "workspaces.create",
    "Workspace",
    "PUT",
    workspacePath,
    ({ workspaces }) => workspaces.create("g", "w", { location: "l" }),
  ],
  [
    "experiments.get",
    "Experiment",
    "GET",
    `${workspacePath}/experiments/e`,
    ({ experiments }) => experiments.get("g", "w", "e"),
  ],
  [
    "experiments.create",
    "Experiment",
    "PUT",
    `${workspacePath}/experiments/e`,
    ({ experiments }) => experiments.create("g", "w", "e"),
  ],
  ["clusters.get", "Cluster", "GET", clusterPath, ({ clusters }) => clusters.get("g", "w", "c")],
  ["clusters.update", "Cluster", "PATCH", clusterPath, ({ clusters }) => clusters.update("g", "w", "c", {})],
  ["jobs.get", "Job", "GET", jobPath, ({ jobs }) => jobs.get("g", "w", "e", "j")],
  [
    "fileServers.get",
    "FileServer",
    "GET",
    `${workspacePath}/fileServers/f`,
    ({ fileServers }) => fileServers.get("g", "w", "f"),
  ],
];

describe.each(bodies)("a 200 with the body %s", (body, objection) => {
  it.each(methods)("is not the resource of %s", async (name, type, verb, path, call) => {
    azureIsNock().intercept(path, verb).query(true).reply(200, body, { "x-ms-request-id": "r-1" });
    await expect(rejectionOf(call(quickClient()))).resolves.toMatchObject({
      name: "RestError",
      code: "PARSE_ERROR",
      statusCode: 200,
      message: `${name}: the response is not of type ${type}: ${objection} [HTTP 200, request r-1]`,
    });
  });

  it("ends the waits for a job and for nodes", async () => {
    azureIsNock().get(jobPath).query(true).reply(200, body);
    const wait = quickClient().jobs.waitForCompletion("g", "w", "e", "j", quick);
    await expect(wait).rejects.toMatchObject({ name: "RestError", code: "PARSE_ERROR" });
    azureIsNock().get(clusterPath).query(true).reply(200, body);
    const nodes = quickClient().clusters.waitForNodes("g", "w", "c", { ...quick, nodeCount: 0 });
    await expect(nodes).rejects.toMatchObject({ name: "RestError", code: "PARSE_ERROR" });
  });

  it("ends a creation at its last request, whoever waits, and the creation can be resumed", async () => {
    azureIsNock().put(clusterPath).query(true).reply(202, "", accepted);
    azureIsNock().get(operationPath).query(true).reply(200, { status: "Succeeded" });
    azureIsNock().get(clusterPath).query(true).reply(200, body);
    const poller = quickClient().clusters.create("g", "w", "c", parameters, quick);
    const error = await rejectionOf(poller);
    expect(error).toMatchObject({
      code: "PARSE_ERROR",
      message: `clusters.create: the response is not of type Cluster: ${objection} [HTTP 200]`,
    });
    await expect(rejectionOf(poller)).resolves.toBe(error);
    await expect(rejectionOf(poller.poll())).resolves.toBe(error);
    expect(poller.operationState?.status).toBe("failed");

    azureIsNock().get(operationPath).query(true).times(2).reply(200, { status: "Succeeded" });
    azureIsNock().get(clusterPath).query(true).reply(200, body);
    const restored = restorePoller<Cluster>(quickClient(), await poller.serialize(), quick);
    await expect(rejectionOf(restored)).resolves.toMatchObject({ code: "PARSE_ERROR", message: error.message });
    azureIsNock().get(clusterPath).query(true).reply(200, clusterBody);
    await expect(restorePoller(quickClient(), await restored.serialize(), quick)).resolves.toEqual(clusterBody);
  });
});

describe("a creation whose resource is polled", () => {
  it("rejects if the resource cannot be read at the end", async () => {
    const creating = { ...workspaceBody, properties: { provisioningState: "creating" } };
    azureIsNock().put(workspacePath).query(true).reply(200, creating);
    azureIsNock().get(workspacePath).query(true).reply(200, "[]");
    const poller = quickClient().workspaces.create("g", "w", { location: "l" }, quick);
    await expect(rejectionOf(poller)).resolves.toMatchObject({ code: "PARSE_ERROR" });
    await expect(rejectionOf(poller)).resolves.toMatchObject({ code: "PARSE_ERROR" });
  });
});

describe("a saved state of a creation that had ended", () => {
  it("is rejected if its result is not the resource", async () => {
    azureIsNock().put(workspacePath).query(true).reply(200, workspaceBody);
    const state = await quickClient().workspaces.create("g", "w", { location: "l" }).serialize();
    expect(() => restorePoller(quickClient(), state.replace(`"name":"w",`, ""))).toThrow(
      "restorePoller: the saved state cannot be used: its result is not of type Workspace: it lacks name",
    );
  });
});

describe("a page", () => {
  const jobs = `${workspacePath}/experiments/e/jobs`;
  const items: [item: unknown, objection: string][] = [
    [null, "it is null"],
    ["x", "it is a string"],
    [[], "it is an array"],
    [{ name: "j", type: "t" }, "it lacks id"],
  ];

  it.each(items)("with the item %j rejects", async (item, objection) => {
    azureIsNock()
      .get(jobs)
      .query(true)
      .reply(200, { value: [jobBody, item] });
    await expect(collect(quickClient().jobs.listByExperiment("g", "w", "e"))).rejects.toMatchObject({
      name: "RestError",
      code: "PARSE_ERROR",
      message: `jobs.listByExperiment: value[1] of the response is not of type Job: ${objection} [HTTP 200]`,
    });
  });

  it.each(["null", "[]", '"x"', '{"value":{}}', '{"value":"x"}'])("with the body %s rejects", async (body) => {
    azureIsNock().get(jobs).query(true).reply(200, body);
    await expect(collect(quickClient().jobs.listByExperiment("g", "w", "e"))).rejects.toMatchObject({
      code: "PARSE_ERROR",
      message: "jobs.listByExperiment: the response is not a page of a list [HTTP 200]",
    });
  });

  it("of something that is not a resource only needs objects", async () => {
    const usages = "/subscriptions/s/providers/Microsoft.BatchAI/locations/l/usages";
    azureIsNock()
      .get(usages)
      .query(true)
      .reply(200, { value: [{}] });
    await expect(collect(quickClient().usages.list("l"))).resolves.toEqual([{}]);
    azureIsNock()
      .get(usages)
      .query(true)
      .reply(200, { value: ["x"] });
    await expect(collect(quickClient().usages.list("l"))).rejects.toMatchObject({
      code: "PARSE_ERROR",
      message: "usages.list: value[0] of the response is not of type Usage: it is a string [HTTP 200]",
    });
  });

  it("of files needs their names", async () => {
    azureIsNock()
      .post(`${jobPath}/listOutputFiles`)
      .query(true)
      .reply(200, { value: [{ fileType: "file" }] });
    await expect(collect(quickClient().jobs.listOutputFiles("g", "w", "e", "j", "OUT"))).rejects.toMatchObject({
      code: "PARSE_ERROR",
      message: "jobs.listOutputFiles: value[0] of the response is not of type File: it lacks name [HTTP 200]",
    });
  });
});

describe("JSON with a byte order mark", () => {
  it("is read, in a resource and in an error", async () => {
    azureIsNock()
      .get(workspacePath)
      .query(true)
      .reply(200, `\uFEFF${JSON.stringify(workspaceBody)}`);
    await expect(quickClient().workspaces.get("g", "w")).resolves.toEqual(workspaceBody);
    azureIsNock().get(workspacePath).query(true).reply(404, '\uFEFF{"error":{"code":"WorkspaceNotFound"}}');
    await expect(quickClient().workspaces.get("g", "w")).rejects.toMatchObject({ code: "WorkspaceNotFound" });
  });

  it("is still no JSON if the rest is none", async () => {
    azureIsNock().get(workspacePath).query(true).reply(200, "\uFEFF<html>");
    await expect(quickClient().workspaces.get("g", "w")).rejects.toMatchObject({
      code: "PARSE_ERROR",
      message: "workspaces.get: the response is not valid JSON [HTTP 200]",
    });
  });
});
