import { execFile } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import nock from "nock";
import { afterEach, describe, expect, it } from "vitest";
import type { Cluster } from "../../src/index.ts";
import { restorePoller } from "../../src/index.ts";
import {
  azure,
  azureIsNock,
  clusterBody,
  clusterPath,
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

const parameters = {
  vmSize: "STANDARD_D1",
  userAccountSettings: { adminUserName: "me", adminUserPassword: "secret!" },
};
const quick = { updateIntervalInMs: 1 };
const accepted = { "azure-asyncoperation": `${azure}${operationPath}?api-version=2018-05-01` };

async function startedState(): Promise<string> {
  azureIsNock().put(clusterPath).query(true).reply(202, "", accepted);
  return quickClient().clusters.create("g", "w", "c", parameters, quick).serialize();
}

describe("a poller that goes on from a saved state", () => {
  it("does so in another process", async () => {
    let polls = 0;
    const server = createServer((request, response) => {
      const { port } = server.address() as AddressInfo;
      const path = request.url ?? "";
      response.setHeader("content-type", "application/json");
      if (request.method === "PUT") {
        response.writeHead(202, { "azure-asyncoperation": `http://127.0.0.1:${port}${operationPath}` }).end();
      } else if (path.startsWith(operationPath)) {
        response.end(JSON.stringify({ status: polls++ < 2 ? "InProgress" : "Succeeded" }));
      } else {
        response.end(JSON.stringify({ ...clusterBody, properties: { creationTime: "2018-06-06T18:39:26Z" } }));
      }
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const client = quickClient({ endpoint, allowInsecureConnection: true });
      const state = await client.clusters.create("g", "w", "c", parameters, quick).serialize();
      expect(state).not.toContain("secret!");
      const script = new URL("restoringProcess.ts", import.meta.url).pathname;
      const { stdout } = await promisify(execFile)(process.execPath, [script, endpoint, state]);
      expect(JSON.parse(stdout)).toEqual({ name: "c", yearOfCreation: 2018 });
      expect(polls).toBe(3);
    } finally {
      server.close();
    }
  });

  it("ends without a result when it was a delete", async () => {
    azureIsNock().delete(clusterPath).query(true).reply(202, "", accepted);
    const state = await quickClient().clusters.delete("g", "w", "c", quick).serialize();
    azureIsNock().get(operationPath).query(true).reply(200, { status: "Succeeded" });
    await expect(restorePoller(quickClient(), state, quick)).resolves.toBeUndefined();
  });

  it("still has the result, dates included, when the operation had ended", async () => {
    azureIsNock()
      .put(workspacePath)
      .query(true)
      .reply(200, {
        ...workspaceBody,
        tags: { a: "b" },
        properties: { creationTime: "2018-06-06T18:39:26.35Z", provisioningState: "succeeded", novelty: 1 },
      });
    const poller = quickClient().workspaces.create("g", "w", { location: "l" });
    const restored = restorePoller(quickClient(), await poller.serialize());
    expect(restored.isDone).toBe(true);
    await expect(restored).resolves.toEqual({
      ...workspaceBody,
      tags: { a: "b" },
      creationTime: new Date("2018-06-06T18:39:26.350Z"),
      provisioningState: "succeeded",
      novelty: 1,
    });
  });

  it("still has the error when the operation had failed", async () => {
    azureIsNock().put(clusterPath).query(true).reply(202, "", accepted);
    azureIsNock()
      .get(operationPath)
      .query(true)
      .reply(200, { status: "Failed", error: { code: "No", message: "no" } });
    const poller = quickClient().clusters.create("g", "w", "c", parameters, quick);
    await rejectionOf(poller);
    const error = await rejectionOf(restorePoller(quickClient(), await poller.serialize()));
    expect(error).toMatchObject({ name: "RestError", code: "No", message: "no", details: { code: "No" } });
  });

  it("asks again when only the network had failed", async () => {
    azureIsNock().put(clusterPath).query(true).reply(202, "", accepted);
    azureIsNock().get(operationPath).query(true).times(4).reply(503);
    const poller = quickClient().clusters.create("g", "w", "c", parameters, quick);
    await expect(rejectionOf(poller)).resolves.toMatchObject({ statusCode: 503 });
    azureIsNock().get(operationPath).query(true).reply(200, { status: "Succeeded" });
    azureIsNock().get(clusterPath).query(true).reply(200, clusterBody);
    await expect(restorePoller<Cluster>(quickClient(), await poller.serialize(), quick)).resolves.toEqual(clusterBody);
  });

  it("is refused when the state belongs to another service, which must not see the token", async () => {
    const state = await startedState();
    expect(() => restorePoller(quickClient({ endpoint: "https://other.example" }), state)).toThrow(
      "Refused to send a request to https://management.azure.com",
    );
    const manipulated = state.replaceAll(`${azure}${operationPath}`, `https://thief.example${operationPath}`);
    await expect(restorePoller(quickClient(), manipulated, quick)).rejects.toMatchObject({ code: "UnexpectedOrigin" });
  });

  it.each([
    ["nonsense", "it is not JSON"],
    ["{}", "the poller's `serialize` did not create it"],
    ['{"state":{"status":"running","config":{}}}', "it lacks config.initialRequestUrl"],
    [
      `{"state":{"status":"running","config":{"initialRequestUrl":"${azure}/subscriptions/s","requestMethod":"PUT"}}}`,
      "it does not belong to a Batch AI operation",
    ],
  ])("is refused when the state is %s", (state, reason) => {
    expect(() => restorePoller(quickClient(), state)).toThrow(
      `restorePoller: the saved state cannot be used: ${reason}`,
    );
  });
});
