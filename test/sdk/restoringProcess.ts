import { BatchAIManagementClient, restorePoller, tokenCredential } from "../../src/index.ts";
import type { Cluster } from "../../src/index.ts";

// The second process of restoredPollers.test.ts: goes on with an operation and says what it ended with.
const [, , endpoint = "", state = ""] = process.argv;
const client = new BatchAIManagementClient(tokenCredential("t"), "s", { endpoint, allowInsecureConnection: true });
const cluster = await restorePoller<Cluster>(client, state, { updateIntervalInMs: 1 });
console.log(JSON.stringify({ name: cluster.name, yearOfCreation: cluster.creationTime?.getUTCFullYear() }));
