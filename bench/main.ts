// What the SDK costs on top of the HTTP request that it sends: `npm run bench`.
// All three ask the same stub on this machine for the same workspace, one request after the other.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createDefaultHttpClient, createPipelineFromOptions, createPipelineRequest } from "@azure/core-rest-pipeline";
import { Bench } from "tinybench";
import { BatchAIManagementClient } from "../src/index.ts";

const subscriptionId = "00000000-0000-0000-0000-000000000000";
const path = `/subscriptions/${subscriptionId}/resourceGroups/group/providers/Microsoft.BatchAI/workspaces/work`;
const workspace = JSON.stringify({
  id: path,
  name: "work",
  type: "Microsoft.BatchAI/workspaces",
  location: "eastus",
  tags: { team: "vision" },
  properties: {
    creationTime: "2018-06-06T18:39:26.000Z",
    provisioningState: "succeeded",
    provisioningStateTransitionTime: "2018-06-06T18:39:26.000Z",
  },
});

const stub = createServer((_request, response) => {
  response.writeHead(200, { "content-type": "application/json" }).end(workspace);
}).listen(0, "127.0.0.1");
await once(stub, "listening");
const endpoint = `http://127.0.0.1:${(stub.address() as AddressInfo).port}`;
const url = `${endpoint}${path}?api-version=2018-05-01`;

const credential = { getToken: async () => ({ token: "token", expiresOnTimestamp: Date.now() + 3_600_000 }) };
const client = new BatchAIManagementClient(credential, subscriptionId, { endpoint, allowInsecureConnection: true });
const pipeline = createPipelineFromOptions({});
const httpClient = createDefaultHttpClient();

const bench = new Bench({ time: 3_000, warmupTime: 1_000 })
  .add("fetch and JSON.parse", async () => {
    await (await fetch(url)).json();
  })
  .add("core-rest-pipeline and JSON.parse", async () => {
    const request = createPipelineRequest({ url, allowInsecureConnection: true });
    const { bodyAsText } = await pipeline.sendRequest(httpClient, request);
    JSON.parse(bodyAsText ?? "");
  })
  .add("batchai: workspaces.get", async () => {
    await client.workspaces.get("group", "work");
  });
await bench.run();
stub.close();
stub.closeAllConnections();

console.log(`Node.js ${process.versions.node}, one request at a time`);
console.table(
  bench.tasks.map(({ name, result }) => {
    if (!("latency" in result)) throw new Error(`${name} has failed`, { cause: result });
    const { p50, p99, samplesCount } = result.latency;
    return { name, "p50 in ms": p50.toFixed(3), "p99 in ms": p99.toFixed(3), requests: samplesCount };
  }),
);
