import { createHttpHeaders } from "@azure/core-rest-pipeline";
import type { HttpClient, PipelineRequest } from "@azure/core-rest-pipeline";
import { beforeEach, describe, expect, it } from "vitest";
import type { JobCreateParameters } from "../../src/index.ts";
import { ValidationError } from "../../src/index.ts";
import { collect, quickClient, rejectionOf, workspaceBody } from "./fixtures.ts";

const sent: PipelineRequest[] = [];
const httpClient: HttpClient = {
  sendRequest: (request) => {
    sent.push(request);
    return Promise.resolve({
      request,
      status: 200,
      headers: createHttpHeaders(),
      bodyAsText: JSON.stringify(workspaceBody),
    });
  },
};
const strict = quickClient({ httpClient });
const lenient = quickClient({ httpClient, validate: false });
beforeEach(() => {
  sent.length = 0;
});

// Arguments as a program without types, or one that was told `as`, hands them over.
type Loose = (...args: unknown[]) => PromiseLike<unknown>;
const createJob = (change: object): unknown[] => [
  "g",
  "w",
  "e",
  "j",
  { cluster: { id: "/c" }, nodeCount: 1, stdOutErrPathPrefix: "/logs", ...change },
];
const createCluster = (change: object): unknown[] => [
  "g",
  "w",
  "c",
  { vmSize: "STANDARD_D1", userAccountSettings: { adminUserName: "me" }, ...change },
];
const calls = (client: typeof strict): Record<string, Loose> => ({
  "jobs.create": client.jobs.create as Loose,
  "jobs.get": client.jobs.get as Loose,
  "jobs.listOutputFiles": (...args) =>
    collect((client.jobs.listOutputFiles as (...all: unknown[]) => AsyncIterable<unknown>)(...args)),
  "jobs.listByExperiment": (...args) =>
    collect((client.jobs.listByExperiment as (...all: unknown[]) => AsyncIterable<unknown>)(...args)),
  "usages.list": (...args) => collect((client.usages.list as (...all: unknown[]) => AsyncIterable<unknown>)(...args)),
  "clusters.create": client.clusters.create as Loose,
  "clusters.update": client.clusters.update as Loose,
  "workspaces.create": client.workspaces.create as Loose,
  "fileServers.create": client.fileServers.create as Loose,
});

const cases: [kind: string, operation: string, args: unknown[], path: string, rule: string][] = [
  [
    "a word for a number",
    "clusters.create",
    createCluster({ scaleSettings: { manual: { targetNodeCount: "two" } } }),
    "parameters.scaleSettings.manual.targetNodeCount",
    'must be an integer of at least 0, got "two"',
  ],
  [
    "a number below its minimum",
    "clusters.update",
    ["g", "w", "c", { scaleSettings: { autoScale: { minimumNodeCount: -1, maximumNodeCount: 1 } } }],
    "parameters.scaleSettings.autoScale.minimumNodeCount",
    "must be an integer of at least 0, got -1",
  ],
  [
    "a fraction",
    "jobs.create",
    createJob({ nodeCount: 1.5 }),
    "parameters.nodeCount",
    "must be an integer of at least 1, got 1.5",
  ],
  [
    "a number too wide for the wire",
    "jobs.create",
    createJob({ nodeCount: 2 ** 31 }),
    "parameters.nodeCount",
    "must be an integer from 1 to 2147483647, got 2147483648",
  ],
  [
    "no value where one is needed",
    "jobs.create",
    createJob({ cluster: undefined }),
    "parameters.cluster",
    "is required",
  ],
  ["null where a value is needed", "jobs.create", createJob({ cluster: null }), "parameters.cluster", "is required"],
  ["no value deep down", "jobs.create", createJob({ cluster: {} }), "parameters.cluster.id", "is required"],
  [
    "a number for text",
    "workspaces.create",
    ["g", "w", { location: 5 }],
    "parameters.location",
    "must be a string, got 5",
  ],
  [
    "a word that a closed enumeration lacks",
    "clusters.create",
    createCluster({ vmPriority: "spot" }),
    "parameters.vmPriority",
    'must be one of "dedicated", "lowpriority", got "spot"',
  ],
  [
    "a number for a word of an open enumeration",
    "jobs.create",
    createJob({ schedulingPriority: 3 }),
    "parameters.schedulingPriority",
    "must be a string, got 3",
  ],
  [
    "text for an object",
    "jobs.create",
    createJob({ cluster: "/c" }),
    "parameters.cluster",
    "must be an object, got a string",
  ],
  [
    "a list for an object",
    "jobs.create",
    createJob({ cluster: ["/c"] }),
    "parameters.cluster",
    "must be an object, got an array",
  ],
  [
    "an object for a list",
    "jobs.create",
    createJob({ inputDirectories: { id: "A" } }),
    "parameters.inputDirectories",
    "must be an array, got an object",
  ],
  [
    "a wrong item of a list",
    "jobs.create",
    createJob({
      outputDirectories: [
        { id: "A", pathPrefix: "/a" },
        { id: "B", pathPrefix: 7 },
      ],
    }),
    "parameters.outputDirectories[1].pathPrefix",
    "must be a string, got 7",
  ],
  [
    "too long a list",
    "fileServers.create",
    [
      "g",
      "w",
      "f",
      {
        vmSize: "s",
        sshConfiguration: { publicIPsToAllow: Array(401).fill("*"), userAccountSettings: { adminUserName: "me" } },
        dataDisks: { diskSizeInGB: 1, diskCount: 1, storageAccountType: "Standard_LRS" },
      },
    ],
    "parameters.sshConfiguration.publicIPsToAllow",
    "must be an array of at most 400 items, got 401 items",
  ],
  [
    "a wrong value of a map",
    "workspaces.create",
    ["g", "w", { location: "l", tags: { owner: 1 } }],
    "parameters.tags.owner",
    "must be a string, got 1",
  ],
  [
    "a duration in words",
    "jobs.create",
    createJob({ constraints: { maxWallClockTime: "4 hours" } }),
    "parameters.constraints.maxWallClockTime",
    'must be an ISO 8601 duration such as "PT4H30M", got "4 hours"',
  ],
  [
    "a secret of the wrong type, which is not shown",
    "clusters.create",
    createCluster({ userAccountSettings: { adminUserName: "me", adminUserPassword: 12345678 } }),
    "parameters.userAccountSettings.adminUserPassword",
    "must be a string",
  ],
  ["no parameters at all", "jobs.create", ["g", "w", "e", "j"], "parameters", "must be an object, got nothing"],
  [
    "a name with a slash",
    "jobs.get",
    ["g", "w", "e", "a/b"],
    "jobName",
    'must be 1 to 64 letters, digits, `-` and `_`, got "a/b"',
  ],
  ["no name", "jobs.get", ["g", "w", "e"], "jobName", "is required"],
  [
    "a region with a space",
    "usages.list",
    ["west europe"],
    "location",
    'must be made of letters, digits, `-`, `_` and `.`, got "west europe"',
  ],
  [
    "an option out of range",
    "jobs.listByExperiment",
    ["g", "w", "e", { maxResults: 1001 }],
    "options.maxResults",
    "must be an integer from 1 to 1000, got 1001",
  ],
  [
    "an option of the wrong type",
    "jobs.listOutputFiles",
    ["g", "w", "e", "j", "stdouterr", { linkExpiryInMinutes: "60" }],
    "options.linkExpiryInMinutes",
    'must be an integer from 5 to 600, got "60"',
  ],
  ["no output directory", "jobs.listOutputFiles", ["g", "w", "e", "j"], "outputDirectoryId", "is required"],
];

describe("wrong input is caught before anything is sent, with path and rule:", () => {
  it.each(cases)("%s", async (_, operation, args, path, rule) => {
    const error = await rejectionOf(calls(strict)[operation]!(...args));
    expect(error).toBeInstanceOf(ValidationError);
    expect(error).toMatchObject({
      name: "ValidationError",
      message: `${operation}: ${path}: ${rule}`,
      issues: [{ path, message: rule }],
    });
    expect(sent).toEqual([]);
  });

  it("everything that is wrong is told at once", async () => {
    const parameters = { nodeCount: 0, cluster: { id: 5 } } as unknown as JobCreateParameters;
    await expect(strict.jobs.create("g", "w", "e", "j", parameters)).rejects.toThrow(
      "jobs.create: parameters.cluster.id: must be a string, got 5; " +
        "parameters.nodeCount: must be an integer of at least 1, got 0; parameters.stdOutErrPathPrefix: is required",
    );
  });
});

describe("a client that does not validate", () => {
  it.each(cases.filter(([kind]) => kind !== "no name"))("leaves %s to the service", async (_, operation, args) => {
    await calls(lenient)[operation]!(...args);
    expect(sent).toHaveLength(1);
  });
});

describe("what the SDK does not know", () => {
  it("passes through: properties at any depth, and words of open enumerations", async () => {
    const parameters = {
      cluster: { id: "/c" },
      nodeCount: 1,
      stdOutErrPathPrefix: "/logs",
      schedulingPriority: "urgent",
      rdmaSettings: { on: true },
      constraints: { maxWallClockTime: "PT1H", novelty: 1 },
    };
    await strict.jobs.create("g", "w", "e", "j", parameters);
    expect(JSON.parse(sent[0]?.body as string)).toEqual({
      properties: {
        cluster: { id: "/c" },
        nodeCount: 1,
        stdOutErrPathPrefix: "/logs",
        schedulingPriority: "urgent",
        rdmaSettings: { on: true },
        constraints: { maxWallClockTime: "PT1H", novelty: 1 },
      },
    });
  });

  it("passes through in answers as well", async () => {
    const body = { ...workspaceBody, tags: null, properties: { provisioningState: "archived", novelty: [1] } };
    const answering: HttpClient = {
      sendRequest: (request) =>
        Promise.resolve({ request, status: 200, headers: createHttpHeaders(), bodyAsText: JSON.stringify(body) }),
    };
    await expect(quickClient({ httpClient: answering }).workspaces.get("g", "w")).resolves.toEqual({
      ...workspaceBody,
      provisioningState: "archived",
      novelty: [1],
    });
  });
});
