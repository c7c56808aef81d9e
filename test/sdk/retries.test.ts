import nock from "nock";
import { afterEach, describe, expect, it } from "vitest";
import { azureIsNock, quickClient, workspaceBody, workspacePath } from "./fixtures.ts";

afterEach(() => {
  nock.cleanAll();
  nock.enableNetConnect();
});

// What the default policies of @azure/core-rest-pipeline do; a new version that changes it is to be noticed.
describe("a request is sent", () => {
  it.each([
    ["4 times", "500", 4, 500, {}],
    ["4 times", "503", 4, 503, {}],
    ["4 times", "429 with Retry-After", 4, 429, { "retry-after": "0" }],
    ["4 times", "503 with Retry-After", 4, 503, { "retry-after": "0" }],
    ["4 times", "503 with retry-after-ms", 4, 503, { "retry-after-ms": "1" }],
    ["once", "429 without Retry-After", 1, 429, {}],
    ["once", "409", 1, 409, {}],
    ["once", "501", 1, 501, {}],
  ])("%s when the answer is %s", async (_, __, times, status, headers) => {
    const ids: unknown[] = [];
    azureIsNock()
      .put(workspacePath)
      .query(true)
      .times(10)
      .reply((request: Request) => {
        ids.push(request.headers.get("x-ms-client-request-id"));
        return [status, { error: { code: "Busy", message: "busy" } }, headers];
      });
    await expect(quickClient().workspaces.create("g", "w", { location: "l" })).rejects.toMatchObject({ code: "Busy" });
    expect(ids).toHaveLength(times);
    expect(new Set(ids).size).toBe(1);
  });

  it("again after the connection was reset, and then succeeds", async () => {
    const reset = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
    azureIsNock().get(workspacePath).query(true).times(2).replyWithError(reset);
    azureIsNock().get(workspacePath).query(true).reply(200, workspaceBody);
    await expect(quickClient().workspaces.get("g", "w")).resolves.toEqual(workspaceBody);
  });

  it("as often as the client's options say", async () => {
    azureIsNock().get(workspacePath).query(true).times(2).reply(500, {});
    const client = quickClient({ retryOptions: { maxRetries: 1, retryDelayInMs: 1 } });
    await expect(client.workspaces.get("g", "w")).rejects.toMatchObject({ statusCode: 500 });
    expect(nock.isDone()).toBe(true);
  });
});
