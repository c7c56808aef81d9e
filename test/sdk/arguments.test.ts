import nock from "nock";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ClusterCreateParameters } from "../../src/index.ts";
import { BatchAIManagementClient, tokenCredential, ValidationError } from "../../src/index.ts";
import { azureIsNock, collect, quickClient, rejectionOf, workspaceBody, workspacePath } from "./fixtures.ts";

beforeEach(() => {
  azureIsNock();
});
afterEach(() => {
  nock.cleanAll();
  nock.enableNetConnect();
});

describe("a wrong argument", () => {
  it("is a rejection that names every property, and nothing is sent", async () => {
    const parameters = { vmPriority: "spot", userAccountSettings: {} } as unknown as ClusterCreateParameters;
    const error = await rejectionOf(quickClient().clusters.create("g", "w", "c", parameters));
    expect(error).toBeInstanceOf(ValidationError);
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toBe(
      "clusters.create: parameters.vmSize: is required; parameters.userAccountSettings.adminUserName: is required; " +
        'parameters.vmPriority: must be one of "dedicated", "lowpriority", got "spot"',
    );
    expect(error).toHaveProperty("issues[0]", { path: "parameters.vmSize", message: "is required" });
  });

  it("is found in queries too", async () => {
    const list = quickClient().jobs.listOutputFiles("g", "w", "e", "j", "models", { linkExpiryInMinutes: 1 });
    await expect(collect(list)).rejects.toThrow("options.linkExpiryInMinutes: must be an integer from 5 to 600, got 1");
  });

  it.each([
    ["", "is required"],
    [".", 'must not be "."'],
    ["..", 'must not be ".."'],
    ["a/b", "must be 1 to 64"],
    ["a b", "must be 1 to 64"],
    ["a?b", "must be 1 to 64"],
    ["a.b", "must be 1 to 64"],
    ["ä", "must be 1 to 64"],
    ["x".repeat(65), "must be 1 to 64"],
  ])("is a workspace of the name %j", async (name, message) => {
    await expect(quickClient().workspaces.get("g", name)).rejects.toThrow(`workspaceName: ${message}`);
  });

  it("is sent when the client does not validate, but never to another address", async () => {
    const client = quickClient({ validate: false });
    azureIsNock()
      .put(`${workspacePath}%2F..%3Fx`, { tags: 5 })
      .query({ "api-version": "2018-05-01" })
      .reply(200, workspaceBody);
    const parameters = { tags: 5 } as unknown as { location: string };
    await client.workspaces.create("g", "w/..?x", parameters);
    await expect(client.workspaces.get("..", "w")).rejects.toThrow("resourceGroupName: must not be");
    await expect(client.workspaces.get("g", "")).rejects.toThrow("workspaceName: is required");
  });

  it("is an empty subscription id", async () => {
    const client = new BatchAIManagementClient(tokenCredential("t"), "");
    await expect(client.workspaces.get("g", "w")).rejects.toThrow("subscriptionId: is required");
  });

  it("is an endpoint that is no URL, and an empty token", () => {
    expect(() => quickClient({ endpoint: "localhost" })).toThrow("endpoint: must be an absolute URL");
    expect(() => tokenCredential("")).toThrow("the token is empty");
  });
});
