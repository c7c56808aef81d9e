import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { BatchAIManagementClient as OfficialClient } from "@azure/arm-batchai";
import type { BatchAIManagementModels } from "@azure/arm-batchai";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { BatchAIManagementClient } from "../../src/index.ts";
import { collect, quickClient, workspaceBody } from "./fixtures.ts";

/** A request as far as the service can tell one from another. */
interface Sent {
  method: string | undefined;
  path: string;
  query: Record<string, string>;
  body: unknown;
}

const sent: Sent[] = [];
let server: Server;
let ours: BatchAIManagementClient;
let official: OfficialClient;

beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const url = new URL(request.url ?? "", "http://local");
      const text = Buffer.concat(chunks).toString();
      const body: unknown = text === "" ? undefined : JSON.parse(text);
      sent.push({ method: request.method, path: url.pathname, query: Object.fromEntries(url.searchParams), body });
      response.setHeader("content-type", "application/json");
      const isBare = request.method === "DELETE" || url.pathname.endsWith("terminate");
      response.end(isBare ? "" : JSON.stringify({ ...workspaceBody, value: [] }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  ours = quickClient({ endpoint, allowInsecureConnection: true });
  const credentials = { signRequest: <T>(request: T) => Promise.resolve(request) };
  official = new OfficialClient(credentials, "s", { baseUri: endpoint, noRetryPolicy: true });
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  sent.length = 0;
});

// The official client writes some of the defaults into its bodies, where ours leaves them to the service; so they are
// given here.
const cluster = {
  vmSize: "STANDARD_D1",
  vmPriority: "lowpriority" as const,
  scaleSettings: { autoScale: { minimumNodeCount: 0, maximumNodeCount: 2, initialNodeCount: 0 } },
  userAccountSettings: { adminUserName: "me", adminUserPassword: "p" },
  nodeSetup: {
    setupTask: {
      commandLine: "true",
      stdOutErrPathPrefix: "/logs",
      environmentVariables: [{ name: "A", value: "1" }],
      secrets: [{ name: "B", value: "2" }],
    },
    mountVolumes: {
      azureFileShares: [
        {
          accountName: "a",
          azureFileUrl: "u",
          relativeMountPath: "r",
          credentials: { accountKey: "k" },
          fileMode: "0777",
          directoryMode: "0777",
        },
      ],
      fileServers: [{ fileServer: { id: "/f" }, relativeMountPath: "nfs" }],
    },
  },
  subnet: { id: "/subnet" },
};
const job = {
  cluster: { id: "/c" },
  nodeCount: 2,
  stdOutErrPathPrefix: "/logs",
  schedulingPriority: "high",
  pyTorchSettings: { pythonScriptFilePath: "train.py", communicationBackend: "gloo", processCount: 4 },
  containerSettings: { imageSourceRegistry: { image: "i", credentials: { username: "u", password: "p" } } },
  inputDirectories: [{ id: "IN", path: "/in" }],
  outputDirectories: [{ id: "OUT", pathPrefix: "/out", pathSuffix: "x" }],
  constraints: { maxWallClockTime: "PT1H" },
};
const fileServer = {
  vmSize: "STANDARD_D1",
  sshConfiguration: { publicIPsToAllow: ["1.2.3.4"], userAccountSettings: { adminUserName: "me" } },
  dataDisks: { diskSizeInGB: 10, diskCount: 2, storageAccountType: "Standard_LRS", cachingType: "none" as const },
};
const scaleSettings = { manual: { targetNodeCount: 1, nodeDeallocationOption: "requeue" as const } };
const workspace = { location: "northeurope", tags: { a: "b" } };
const files = { outputdirectoryid: "OUT", directory: "a/b", linkexpiryinminutes: 5, maxResults: 10 };
const ourFiles = { directory: "a/b", linkExpiryInMinutes: 5, maxResults: 10 };

type Call = () => PromiseLike<unknown>;

// The official typings know fewer words than the service; what they say about the bodies is checked by the comparison.
const calls: [operation: string, ours: Call, official: Call][] = [
  ["operations.list", () => collect(ours.operations.list()), () => official.operations.list()],
  ["usages.list", () => collect(ours.usages.list("northeurope")), () => official.usages.list("northeurope")],
  [
    "workspaces.list",
    () => collect(ours.workspaces.list({ maxResults: 5 })),
    () => official.workspaces.list({ workspacesListOptions: { maxResults: 5 } }),
  ],
  [
    "workspaces.listByResourceGroup",
    () => collect(ours.workspaces.listByResourceGroup("g.1")),
    () => official.workspaces.listByResourceGroup("g.1"),
  ],
  [
    "workspaces.create",
    () => ours.workspaces.create("g", "w", workspace),
    () => official.workspaces.create("g", "w", workspace),
  ],
  [
    "workspaces.update",
    () => ours.workspaces.update("g", "w", { tags: { c: "d" } }),
    () => official.workspaces.update("g", "w", { tags: { c: "d" } }),
  ],
  ["workspaces.delete", () => ours.workspaces.delete("g", "w"), () => official.workspaces.deleteMethod("g", "w")],
  ["workspaces.get", () => ours.workspaces.get("g", "w"), () => official.workspaces.get("g", "w")],
  [
    "experiments.listByWorkspace",
    () => collect(ours.experiments.listByWorkspace("g", "w")),
    () => official.experiments.listByWorkspace("g", "w"),
  ],
  [
    "experiments.create",
    () => ours.experiments.create("g", "w", "e"),
    () => official.experiments.create("g", "w", "e"),
  ],
  [
    "experiments.delete",
    () => ours.experiments.delete("g", "w", "e"),
    () => official.experiments.deleteMethod("g", "w", "e"),
  ],
  ["experiments.get", () => ours.experiments.get("g", "w", "e"), () => official.experiments.get("g", "w", "e")],
  [
    "jobs.listByExperiment",
    () => collect(ours.jobs.listByExperiment("g", "w", "e", { maxResults: 1000 })),
    () => official.jobs.listByExperiment("g", "w", "e", { jobsListByExperimentOptions: { maxResults: 1000 } }),
  ],
  [
    "jobs.create",
    () => ours.jobs.create("g", "w", "e", "j", job),
    () => official.jobs.create("g", "w", "e", "j", job as BatchAIManagementModels.JobCreateParameters),
  ],
  ["jobs.delete", () => ours.jobs.delete("g", "w", "e", "j"), () => official.jobs.deleteMethod("g", "w", "e", "j")],
  ["jobs.get", () => ours.jobs.get("g", "w", "e", "j"), () => official.jobs.get("g", "w", "e", "j")],
  [
    "jobs.listOutputFiles",
    () => collect(ours.jobs.listOutputFiles("g", "w", "e", "j", "OUT", ourFiles)),
    () => official.jobs.listOutputFiles("g", "w", "e", "j", files),
  ],
  [
    "jobs.listRemoteLoginInformation",
    () => collect(ours.jobs.listRemoteLoginInformation("g", "w", "e", "j")),
    () => official.jobs.listRemoteLoginInformation("g", "w", "e", "j"),
  ],
  ["jobs.terminate", () => ours.jobs.terminate("g", "w", "e", "j"), () => official.jobs.terminate("g", "w", "e", "j")],
  [
    "fileServers.create",
    () => ours.fileServers.create("g", "w", "f", fileServer),
    () => official.fileServers.create("g", "w", "f", fileServer as BatchAIManagementModels.FileServerCreateParameters),
  ],
  [
    "fileServers.delete",
    () => ours.fileServers.delete("g", "w", "f"),
    () => official.fileServers.deleteMethod("g", "w", "f"),
  ],
  ["fileServers.get", () => ours.fileServers.get("g", "w", "f"), () => official.fileServers.get("g", "w", "f")],
  [
    "fileServers.listByWorkspace",
    () => collect(ours.fileServers.listByWorkspace("g", "w")),
    () => official.fileServers.listByWorkspace("g", "w"),
  ],
  [
    "clusters.create",
    () => ours.clusters.create("g", "w", "c", cluster),
    () => official.clusters.create("g", "w", "c", cluster),
  ],
  [
    "clusters.update",
    () => ours.clusters.update("g", "w", "c", { scaleSettings }),
    () => official.clusters.update("g", "w", "c", { scaleSettings }),
  ],
  ["clusters.delete", () => ours.clusters.delete("g", "w", "c"), () => official.clusters.deleteMethod("g", "w", "c")],
  ["clusters.get", () => ours.clusters.get("g", "w", "c"), () => official.clusters.get("g", "w", "c")],
  [
    "clusters.listRemoteLoginInformation",
    () => collect(ours.clusters.listRemoteLoginInformation("g", "w", "c")),
    () => official.clusters.listRemoteLoginInformation("g", "w", "c"),
  ],
  [
    "clusters.listByWorkspace",
    () => collect(ours.clusters.listByWorkspace("g", "w")),
    () => official.clusters.listByWorkspace("g", "w"),
  ],
];

describe("a request of this client and of @azure/arm-batchai", () => {
  it("exist for all 29 operations", () => {
    expect(new Set(calls.map(([operation]) => operation)).size).toBe(29);
  });

  it.each(calls)("are the same: %s", async (_, callOurs, callOfficial) => {
    await callOurs();
    await callOfficial();
    const [own, theirs] = sent;
    expect(own).toBeDefined();
    expect(own).toEqual(theirs);
    expect(own?.query["api-version"]).toBe("2018-05-01");
  });
});
