import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import {
  clusterBody,
  clusterPath,
  collect,
  jobPath,
  operationPath,
  quickClient,
  rejectionOf,
  workspaceBody,
  workspacePath,
} from "./fixtures.ts";

// The old service at its worst, over real connections: what must not end a wait, and what must end it.

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

const parameters = { vmSize: "STANDARD_D1", userAccountSettings: { adminUserName: "me" } };
const quick = { updateIntervalInMs: 1 };

const json =
  (body: object, status = 200, headers: Record<string, string> = {}): Answer =>
  (_, response) =>
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));

const accept: Answer = ({ headers }, response) => {
  const origin = `http://${headers.host ?? ""}`;
  response
    .writeHead(202, {
      "azure-asyncoperation": `${origin}${operationPath}?api-version=2018-05-01`,
      location: `${origin}${operationPath.replace("results", "statuses")}?api-version=2018-05-01`,
    })
    .end();
};

const troubles: Record<string, Answer> = {
  "429 with Retry-After": json({}, 429, { "retry-after": "0" }),
  "429 with x-ms-retry-after-ms": json({}, 429, { "x-ms-retry-after-ms": "2" }),
  "500": json({ error: { code: "InternalServerError", message: "sorry" } }, 500),
  "502 from a proxy": (_, response) => response.writeHead(502, { "content-type": "text/html" }).end("<html>"),
  "503": json({}, 503),
  "a reset connection": (request) => request.socket.resetAndDestroy(),
  "a connection closed without an answer": (request) => request.socket.destroy(),
  "a truncated body": (_, response) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": "100" });
    response.write('{"status":"Inpro', () => response.destroy());
  },
};

/** Plays the answers in turn, and notes what was asked. */
async function play(...answers: Answer[]): Promise<{ client: ReturnType<typeof quickClient>; asked: string[] }> {
  const asked: string[] = [];
  server = createServer((request, response) => {
    asked.push(`${request.method ?? ""} ${(request.url ?? "").replace(/\?.*/, "")}`);
    const answer = answers.shift() ?? json({ error: { code: "Unexpected", message: "not in the play" } }, 418);
    request.resume().on("end", () => answer(request, response));
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { client: quickClient({ endpoint, allowInsecureConnection: true }), asked };
}

describe.each(Object.entries(troubles))("%s", (_, trouble) => {
  it("does not end a long-running operation, wherever it comes", async () => {
    const { client, asked } = await play(
      trouble,
      accept,
      trouble,
      json({ status: "InProgress" }),
      trouble,
      trouble,
      json({ status: "Succeeded" }),
      trouble,
      json(clusterBody),
    );
    await expect(client.clusters.create("g", "w", "c", parameters, quick)).resolves.toEqual(clusterBody);
    expect(asked).toEqual([
      ...Array<string>(2).fill(`PUT ${clusterPath}`),
      ...Array<string>(5).fill(`GET ${operationPath}`),
      ...Array<string>(2).fill(`GET ${clusterPath}`),
    ]);
  });

  it("does not end a list between its pages", async () => {
    const nextPage: Answer = (request, response) => {
      const nextLink = `http://${request.headers.host ?? ""}${workspacePath}/clusters?page=2`;
      json({ value: [clusterBody], nextLink })(request, response);
    };
    const other = { ...clusterBody, name: "d" };
    const { client } = await play(trouble, nextPage, trouble, json({ value: [other] }));
    await expect(collect(client.clusters.listByWorkspace("g", "w"))).resolves.toEqual([clusterBody, other]);
  });

  it("is told after three more attempts", async () => {
    const { client, asked } = await play(trouble, trouble, trouble, trouble);
    const error = await rejectionOf(client.workspaces.get("g", "w"));
    expect(error.name).toBe("RestError");
    expect(error.message).toMatch(/^workspaces\.get: /);
    expect(asked).toHaveLength(4);
  });
});

describe("the poller of a delete", () => {
  it("never asks the location, which may know nothing more once the resource is gone", async () => {
    const { client, asked } = await play(accept, json({ status: "InProgress" }), json({ status: "Succeeded" }));
    await expect(client.clusters.delete("g", "w", "c", quick)).resolves.toBeUndefined();
    expect(asked).toEqual([`DELETE ${clusterPath}`, `GET ${operationPath}`, `GET ${operationPath}`]);
  });

  it("rejects when the operation failed, although every request succeeded", async () => {
    const error = { code: "ClusterBusy", message: "a job holds on to it" };
    const { client } = await play(accept, json({ status: "Failed", error }));
    await expect(client.clusters.delete("g", "w", "c", quick)).rejects.toMatchObject({
      code: "ClusterBusy",
      message: "clusters.delete: a job holds on to it [ClusterBusy]",
    });
  });
});

describe("an operation that never ends", () => {
  it("is left alone as soon as the signal says so", async () => {
    const controller = new AbortController();
    const running = json({ ...workspaceBody, status: "InProgress" });
    const { client, asked } = await play(accept, ...Array<Answer>(1000).fill(running));
    const poller = client.jobs.delete("g", "w", "e", "j", { ...quick, abortSignal: controller.signal });
    const rejection = rejectionOf(poller);
    await expect.poll(() => asked.length).toBeGreaterThan(5);
    controller.abort();
    const error = await rejection;
    const sent = asked.length;
    expect(error.message).toContain(`jobs.delete of ${jobPath}: the wait was aborted. The operation continues`);
    expect(poller.operationState).toMatchObject({ status: "running", serviceStatus: "InProgress" });
    // While these requests come and go, at most the one poll arrives that was on its way when the signal came.
    for (let round = 0; round < 20; round += 1) await client.workspaces.get("g", "w");
    expect(asked.slice(sent).filter((line) => line.includes("operationresults")).length).toBeLessThanOrEqual(1);
  });
});

describe("the next page of a list that began with a POST", () => {
  const files = `${jobPath}/listOutputFiles`;
  const first: Answer = (request, response) => {
    const nextLink = `http://${request.headers.host ?? ""}${files}?page=2`;
    json({ value: [{ name: "a" }], nextLink })(request, response);
  };

  it.each([404, 405])("is asked for by POST when GET is answered %i", async (status) => {
    const { client, asked } = await play(first, json({}, status), json({ value: [{ name: "b" }] }));
    const names = (await collect(client.jobs.listOutputFiles("g", "w", "e", "j", "stdouterr"))).map(({ name }) => name);
    expect(names).toEqual(["a", "b"]);
    expect(asked).toEqual([`POST ${files}`, `GET ${files}`, `POST ${files}`]);
  });

  it("is refused for good when both are refused, or when GET is for another reason", async () => {
    const gone = json({ error: { code: "JobNotFound", message: "gone" } }, 404);
    const { client } = await play(first, gone, gone, first, json({ error: { code: "No", message: "no" } }, 403));
    const list = (): Promise<unknown> => collect(client.jobs.listOutputFiles("g", "w", "e", "j", "stdouterr"));
    await expect(list()).rejects.toMatchObject({ code: "JobNotFound" });
    await expect(list()).rejects.toMatchObject({ code: "No" });
  });
});
