// A service that always gives the same workspace, in a process of its own: what it costs does not count as the client's.
// Prints its address, and ends when the process that started it does.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { workspacePath } from "./workspace.ts";

const workspace = JSON.stringify({
  id: workspacePath,
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
}).listen(0, "127.0.0.1", () => {
  process.stdout.write(`http://127.0.0.1:${(stub.address() as AddressInfo).port}\n`);
});

process.stdin.on("end", () => process.exit()).resume();
