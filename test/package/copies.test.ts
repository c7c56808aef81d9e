import { beforeAll, expect, it } from "vitest";
import { InstalledPackage } from "./installed.ts";

let installed: InstalledPackage;
beforeAll(async () => {
  installed = await InstalledPackage.install();
  return () => installed.remove();
});

/** Runs a script in a process with both copies of the package, the ES module and the CommonJS module. */
function withBothCopies(script: string): Promise<unknown> {
  return installed.evaluate(
    "module",
    `import { createRequire } from "node:module";
     import { createServer } from "node:http";
     import * as module from "batchai";
     import * as transfer from "batchai/transfer";
     const require = createRequire(import.meta.url);
     const commonJs = require("batchai");
     const commonJsTransfer = require("batchai/transfer");
     ${script}`,
  );
}

it("classes of the ES module and the CommonJS module recognize each other's objects", async () => {
  const outcome = await withBothCopies(`
    const resource = { id: "i", name: "n", type: "t" };
    const make = {
      AbortError: (of) => new of.AbortError("aborted", { operation: "jobs.get" }),
      BatchAIManagementClient: (of) => new of.BatchAIManagementClient(of.tokenCredential("t"), "s"),
      ClusterNodesError: (of) => new of.ClusterNodesError(resource, 2, 1),
      JobFailedError: (of) => new of.JobFailedError(resource),
      ValidationError: (of) => new of.ValidationError("jobs.get", []),
    };
    const seen = { names: Object.entries(make).map(([name, create]) => create(module).constructor.name === name) };
    for (const [name, create] of Object.entries(make)) {
      class Extended extends module[name] {}
      const object = create(commonJs);
      seen[name] = [
        module[name] !== commonJs[name],
        object instanceof module[name],
        create(module) instanceof commonJs[name],
        Object.create(null) instanceof module[name],
        object instanceof Extended,
        ...Object.keys(make).filter((other) => other !== name).map((other) => object instanceof module[other]),
      ];
    }
    const transferError = new commonJsTransfer.TransferError("uploadDirectory", "a", "b");
    seen.TransferError = [transferError instanceof transfer.TransferError];
    console.log(JSON.stringify(seen));`);
  const [others, none] = [
    [true, true, true, false, false],
    [false, false, false, false],
  ];
  expect(outcome).toEqual({
    AbortError: [...others, ...none],
    BatchAIManagementClient: [...others, ...none],
    ClusterNodesError: [...others, ...none],
    JobFailedError: [...others, ...none],
    ValidationError: [...others, ...none],
    TransferError: [true],
    names: [true, true, true, true, true],
  });
});

it("restorePoller, isBatchAIError and the connections work across both copies", async () => {
  const outcome = await withBothCopies(`
    const id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.BatchAI/workspaces/w";
    const body = JSON.stringify({ id, name: "w", type: "Microsoft.BatchAI/workspaces" });
    let connections = 0;
    const server = createServer((request, response) => {
      response.statusCode = request.url.includes("/missing") ? 404 : 200;
      response.end(response.statusCode === 200 ? body : JSON.stringify({ error: { code: "WorkspaceNotFound" } }));
    });
    server.on("connection", () => (connections += 1));
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    const endpoint = "http://127.0.0.1:" + server.address().port;
    const client = commonJs.connect({ endpoint, subscriptionId: "s", token: "t" });
    const saved = await client.workspaces.create("g", "w", { location: "l" }).serialize();
    const restored = await module.restorePoller(client, saved);
    const error = await client.workspaces.get("g", "missing").catch((caught) => caught);
    await module.connect({ endpoint, subscriptionId: "s", token: "t" }).workspaces.get("g", "w");
    await client.close();
    server.close();
    console.log(JSON.stringify([restored.name, module.isBatchAIError(error, "WorkspaceNotFound"), connections]));`);
  expect(outcome).toEqual(["w", true, 1]);
});
