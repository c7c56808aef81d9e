/** Sends many requests at once, in a process with few file descriptors. Prints the number of failures. */
import { BatchAIManagementClient, tokenCredential } from "../../src/index.ts";

const [endpoint, count] = process.argv.slice(2);
const options = { endpoint, allowInsecureConnection: true, retryOptions: { maxRetries: 0 } };
const client = new BatchAIManagementClient(tokenCredential("token"), "s", options);
const calls = Array.from({ length: Number(count) }, () => client.workspaces.get("g", "w"));
const failures = (await Promise.allSettled(calls)).filter(({ status }) => status === "rejected");
console.log(failures.length);
await client.close();
