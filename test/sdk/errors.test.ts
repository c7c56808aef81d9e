import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import nock from "nock";
import { afterEach, describe, expect, expectTypeOf, it } from "vitest";
import { RestError } from "@azure/core-rest-pipeline";
import {
  AbortError,
  ClusterNodesError,
  isBatchAIError,
  isRestError,
  JobFailedError,
  ValidationError,
} from "../../src/index.ts";
import type { BatchAIManagementClient, ErrorDetails } from "../../src/index.ts";
import { TransferError } from "../../src/transfer/index.ts";
import { azureIsNock, quickClient, rejectionOf, token, workspacePath } from "./fixtures.ts";

afterEach(() => {
  nock.cleanAll();
  nock.enableNetConnect();
});

async function restErrorOf(call: PromiseLike<unknown>): Promise<RestError> {
  const error = await rejectionOf(call);
  if (!isRestError(error)) throw error;
  return error;
}

describe("an error of the service", () => {
  it("tells what the service said, to people and to programs", async () => {
    const details = [{ code: "Inner", message: "inner" }];
    azureIsNock()
      .get(workspacePath)
      .query(true)
      .reply(
        404,
        {
          error: { code: "WorkspaceNotFound", message: "The specified workspace w is not found", target: "w", details },
        },
        { "request-id": "11-22" },
      );
    const error = await restErrorOf(quickClient().workspaces.get("g", "w"));
    expect(error.message).toBe(
      "workspaces.get: The specified workspace w is not found [WorkspaceNotFound, HTTP 404, request 11-22]",
    );
    expect(error).toMatchObject({ name: "RestError", code: "WorkspaceNotFound", statusCode: 404 });
    expect(error.details as ErrorDetails).toEqual({
      code: "WorkspaceNotFound",
      message: "The specified workspace w is not found",
      target: "w",
      details,
      requestId: "11-22",
    });
    expect(error.request?.method).toBe("GET");
    expect(error.response?.status).toBe(404);
  });

  it.each([
    ["a page of a proxy", "<html>Bad gateway</html>"],
    ["nothing", ""],
    ["JSON of another shape", '{"message":"no"}'],
  ])("that is told by %s has its status at least", async (_, body) => {
    azureIsNock().get(workspacePath).query(true).reply(403, body);
    const error = await restErrorOf(quickClient().workspaces.get("g", "w"));
    expect(error.message).toBe("workspaces.get: the service returned HTTP 403 without an error message [HTTP 403]");
    expect(error.statusCode).toBe(403);
  });

  it("is also a success that cannot be read; its text stays untold", async () => {
    azureIsNock().get(workspacePath).query(true).reply(200, '{"id": "secret-in-the-bo');
    const error = await restErrorOf(quickClient().workspaces.get("g", "w"));
    expect(error).toMatchObject({ code: "PARSE_ERROR", statusCode: 200 });
    expect(error.message).not.toContain("secret");
  });

  it("is also a status that the API does not declare", async () => {
    azureIsNock().get(workspacePath).query(true).reply(206, {});
    await expect(quickClient().workspaces.get("g", "w")).rejects.toMatchObject({ statusCode: 206 });
  });
});

describe("an error of the network", () => {
  it("says which operation it was and where it went", async () => {
    azureIsNock()
      .get(workspacePath)
      .query(true)
      .times(4)
      .replyWithError(Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }));
    const error = await restErrorOf(quickClient().workspaces.get("g", "w"));
    expect(error.code).toBe("ECONNREFUSED");
    expect(error.message).toBe(
      "workspaces.get: the request to https://management.azure.com failed: connect ECONNREFUSED. Is the service running?",
    );
  });

  it("is told when an answer breaks off", async () => {
    const server = createServer((_, response) => {
      response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
      response.write('{"id":', () => response.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const client = quickClient({ endpoint, allowInsecureConnection: true });
      expect((await restErrorOf(client.workspaces.get("g", "w"))).code).toBe("PARSE_ERROR");
    } finally {
      server.close();
    }
  });

  it("is told when no answer comes in time", async () => {
    azureIsNock().get(workspacePath).query(true).delay(60_000).reply(200, {});
    const error = await restErrorOf(quickClient().workspaces.get("g", "w", { requestOptions: { timeout: 20 } }));
    expect(error.code).toBe("ETIMEDOUT");
    expect(error.message).toBe("workspaces.get: no response from https://management.azure.com within 20 ms");
    nock.abortPendingRequests();
  });
});

describe("no error", () => {
  it("shows a secret of the request or the token, however it is printed", async () => {
    azureIsNock()
      .put(`${workspacePath}/clusters/c`)
      .query(true)
      .reply(400, { error: { code: "Bad", message: "bad" } });
    const userAccountSettings = { adminUserName: "me", adminUserPassword: "the-password" };
    const error = await restErrorOf(
      quickClient().clusters.create("g", "w", "c", { vmSize: "STANDARD_D1", userAccountSettings }),
    );
    for (const text of [String(error), error.stack, JSON.stringify(error), inspect(error, { depth: 9 })]) {
      expect(text).not.toContain("the-password");
      expect(text).not.toContain(token);
    }
  });
});

describe("a printed error", () => {
  it.each([
    ["of the service", (client: BatchAIManagementClient) => client.workspaces.get("g", "w")],
    ["of the network", (client: BatchAIManagementClient) => client.workspaces.get("g", "w2")],
    ["of an operation", (client: BatchAIManagementClient) => client.workspaces.delete("g", "w")],
  ])("%s shows its message, code and stack, and leaves out the request", async (_, call) => {
    const failure = { error: { code: "Bad", message: "bad" } };
    azureIsNock().get(workspacePath).query(true).reply(400, failure);
    azureIsNock().delete(workspacePath).query(true).reply(400, failure);
    const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
    azureIsNock().get(`${workspacePath}2`).query(true).replyWithError(refused);
    const error = await restErrorOf(call(quickClient({ retryOptions: { maxRetries: 0 } })));
    const printed = inspect(error);
    expect(printed).toContain(`RestError: ${error.message}\n    at `);
    expect(printed).toContain(`code: '${error.code ?? ""}'`);
    expect(printed).not.toMatch(/request: \{|response|headers|agent/);
    expect(error.stack).toContain(error.message);
  });

  it("has its message in JSON too", async () => {
    const issues = [{ path: "p", message: "is wrong" }];
    const job = { id: "i", name: "j", type: "t", executionInfo: { exitCode: 3 } };
    for (const error of [
      new ValidationError("jobs.get", issues),
      new JobFailedError(job),
      new ClusterNodesError({ id: "i", name: "c", type: "t" }, 2, 1),
      new AbortError("aborted", { operation: "jobs.get", cause: new Error("why") }),
      new TransferError("uploadDirectory", "a/b", "it is full"),
    ]) {
      const { name, message } = error;
      expect(JSON.parse(JSON.stringify(error))).toMatchObject({ name, message });
      expect(JSON.stringify(error)).not.toContain('"job"');
    }
    azureIsNock()
      .get(workspacePath)
      .query(true)
      .reply(404, { error: { code: "WorkspaceNotFound", message: "no" } });
    const error = await restErrorOf(quickClient().workspaces.get("g", "w"));
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      name: "RestError",
      message: "workspaces.get: no [WorkspaceNotFound, HTTP 404]",
      code: "WorkspaceNotFound",
      statusCode: 404,
      details: { code: "WorkspaceNotFound", message: "no" },
    });
  });
});

describe("isBatchAIError", () => {
  it("recognizes errors of this package by their codes, and types their details", async () => {
    azureIsNock()
      .get(workspacePath)
      .query(true)
      .reply(404, { error: { code: "WorkspaceNotFound", message: "no" } }, { "request-id": "11" });
    const error: unknown = await rejectionOf(quickClient().workspaces.get("g", "w"));
    if (!isBatchAIError(error, "JobNotFound", "WorkspaceNotFound")) throw error;
    const code: "JobNotFound" | "WorkspaceNotFound" = error.code;
    expect([code, error.details?.requestId, error.statusCode]).toEqual(["WorkspaceNotFound", "11", 404]);
    expect(isBatchAIError(error)).toBe(true);
    expect(isBatchAIError(error, "JobNotFound")).toBe(false);
    expect(isBatchAIError(error, "a code of a newer service")).toBe(false);
  });

  it("does not promise a code that the service did not return", async () => {
    azureIsNock().get(workspacePath).query(true).reply(403, "");
    const error: unknown = await rejectionOf(quickClient().workspaces.get("g", "w"));
    if (!isBatchAIError(error)) throw error;
    expectTypeOf(error.code).toEqualTypeOf<string | undefined>();
    expect(error.code).toBeUndefined();
  });

  it.each([
    ["an error of another package", new RestError("no", { code: "JobNotFound" })],
    ["an error of the SDK that is not a RestError", new ValidationError("jobs.get", [])],
    ["no error", undefined],
    ["a text", "JobNotFound"],
  ])("does not recognize %s", (_, value: unknown) => {
    expect(isBatchAIError(value)).toBe(false);
    expect(isBatchAIError(value, "JobNotFound")).toBe(false);
  });
});
