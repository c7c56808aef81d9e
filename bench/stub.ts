// A service that always returns the same workspace. It has its own process, so its cost is not part of the client's.
// Prints its URL, and ends together with the process that started it.
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
