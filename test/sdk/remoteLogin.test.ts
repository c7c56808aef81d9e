import nock from "nock";
import { afterAll, beforeAll, expect, it } from "vitest";
import { azureIsNock, clusterPath, jobPath, quickClient } from "./fixtures.ts";

let azure: nock.Scope;
beforeAll(() => {
  azure = azureIsNock();
});
afterAll(() => {
  nock.cleanAll();
  nock.enableNetConnect();
});

const value = [
  { nodeId: "tvm-1842_1-20180606t183926z", ipAddress: "40.85.100.1", port: 50000 },
  { nodeId: "tvm-1842_2-20180606t183926z", ipAddress: "40.85.100.1", port: 50001 },
];

it.each([
  ["cluster", clusterPath, () => quickClient().clusters.listRemoteLoginInformation("g", "w", "c")],
  ["job", jobPath, () => quickClient().jobs.listRemoteLoginInformation("g", "w", "e", "j")],
])("reads the remote logins of a %s", async (_, path, list) => {
  azure.post(`${path}/listRemoteLoginInformation`).query(true).reply(200, { value });
  const found: unknown[] = [];
  for await (const login of list()) found.push(login);
  expect(found).toEqual(value);
});
