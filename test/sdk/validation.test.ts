import { describe, expect, it } from "vitest";
import { clusterCreateParameters } from "../../src/wire/tables/cluster.ts";
import { fileServerCreateParameters } from "../../src/wire/tables/fileServer.ts";
import { jobCreateParameters } from "../../src/wire/tables/job.ts";
import type { ModelSchema } from "../../src/wire/schema.ts";
import { validate } from "../../src/wire/validate.ts";
import { workspaceCreateParameters } from "../../src/wire/tables/workspace.ts";

const inModel = <T>(schema: ModelSchema<T>, value: unknown): string[] => issues(schema, value, "model", "parameters");
const onWire = <T>(schema: ModelSchema<T>, value: unknown): string[] => issues(schema, value, "wire", "");

function issues<T>(schema: ModelSchema<T>, value: unknown, view: "model" | "wire", path: string): string[] {
  return validate(schema, value, { view, path }).map((issue) => `${issue.path}: ${issue.message}`);
}

const cluster = { vmSize: "STANDARD_D1", userAccountSettings: { adminUserName: "me" } };
const job = { cluster: { id: "/c" }, nodeCount: 1, stdOutErrPathPrefix: "/logs" };

describe("validation of a model", () => {
  it("finds nothing wrong with what is right", () => {
    expect(inModel(clusterCreateParameters, cluster)).toEqual([]);
    expect(inModel(jobCreateParameters, { ...job, constraints: { maxWallClockTime: "PT1H" } })).toEqual([]);
  });

  it("names the path and what was found", () => {
    const scaleSettings = { manual: { targetNodeCount: "two" } };
    expect(inModel(clusterCreateParameters, { ...cluster, scaleSettings })).toEqual([
      'parameters.scaleSettings.manual.targetNodeCount: must be an integer of at least 0, got "two"',
    ]);
  });

  it("names everything that is missing", () => {
    expect(inModel(jobCreateParameters, {})).toEqual([
      "parameters.cluster: is required",
      "parameters.nodeCount: is required",
      "parameters.stdOutErrPathPrefix: is required",
    ]);
  });

  it.each([
    [{ nodeCount: 0 }, "nodeCount: must be an integer of at least 1, got 0"],
    [{ nodeCount: 1.5 }, "nodeCount: must be an integer of at least 1, got 1.5"],
    [{ nodeCount: 3e9 }, "nodeCount: must be an integer from 1 to 2147483647, got 3000000000"],
    [{ nodeCount: Number.NaN }, "nodeCount: must be an integer of at least 1, got NaN"],
    [{ cluster: "/c" }, "cluster: must be an object, got a string"],
    [{ stdOutErrPathPrefix: 5 }, "stdOutErrPathPrefix: must be a string, got 5"],
    [{ schedulingPriority: 1 }, "schedulingPriority: must be a string, got 1"],
    [
      { constraints: { maxWallClockTime: "7 days" } },
      'constraints.maxWallClockTime: must be an ISO 8601 duration such as "PT4H30M", got "7 days"',
    ],
    [{ inputDirectories: { id: "a" } }, "inputDirectories: must be an array, got an object"],
    [{ inputDirectories: [{ id: "a", path: "/a" }, { id: "b" }] }, "inputDirectories[1].path: is required"],
    [{ inputDirectories: [null] }, "inputDirectories[0]: must be an object, got nothing"],
  ])("explains what is wrong with %j", (change, issue) => {
    expect(inModel(jobCreateParameters, { ...job, ...change })).toEqual([`parameters.${issue}`]);
  });

  it("knows the words of closed enumerations and the limits of lists", () => {
    expect(inModel(clusterCreateParameters, { ...cluster, vmPriority: "spot" })).toEqual([
      'parameters.vmPriority: must be one of "dedicated", "lowpriority", got "spot"',
    ]);
    const fileServer = {
      vmSize: "STANDARD_D2",
      sshConfiguration: { publicIPsToAllow: Array<string>(401).fill("*"), userAccountSettings: { adminUserName: "a" } },
      dataDisks: { diskSizeInGB: 1, diskCount: 1, storageAccountType: "Ultra_LRS" },
    };
    expect(inModel(fileServerCreateParameters, fileServer)).toEqual([
      "parameters.sshConfiguration.publicIPsToAllow: must be an array of at most 400 items, got 401 items",
    ]);
  });

  it("lets pass unknown members, new words of open enumerations, null, and what only the service sets", () => {
    const value = { ...job, colour: "red", schedulingPriority: "urgent", jobPreparation: null, id: 7 };
    expect(inModel(jobCreateParameters, value)).toEqual([]);
  });

  it("checks the values of maps", () => {
    expect(inModel(workspaceCreateParameters, { location: "eastus", tags: { a: "1", b: 2 } })).toEqual([
      "parameters.tags.b: must be a string, got 2",
    ]);
  });

  it("never shows a secret, not even one in the wrong place", () => {
    const secret = "hunter2hunter2";
    const wrong = {
      ...job,
      secrets: [{ name: "A", value: [secret] }, secret, { name: { value: secret } }],
      containerSettings: {
        imageSourceRegistry: { image: "i", credentials: { username: "u", password: { value: secret } } },
      },
      mountVolumes: {
        azureFileShares: [{ accountName: "a", azureFileUrl: "u", relativeMountPath: "r", credentials: secret }],
      },
    };
    const found = inModel(jobCreateParameters, wrong);
    expect(found).toContain("parameters.secrets[0].value: must be a string");
    expect(found).toContain("parameters.containerSettings.imageSourceRegistry.credentials.password: must be a string");
    expect(found).toHaveLength(5);
    expect(found.join("\n")).not.toContain(secret);
  });
});

describe("validation of what travels", () => {
  it("names the path on the wire", () => {
    const body = { properties: { ...cluster, scaleSettings: { manual: { targetNodeCount: -1 } } } };
    expect(onWire(clusterCreateParameters, body)).toEqual([
      "properties.scaleSettings.manual.targetNodeCount: must be an integer of at least 0, got -1",
    ]);
    expect(onWire(clusterCreateParameters, {})).toEqual([
      "properties.vmSize: is required",
      "properties.userAccountSettings: is required",
    ]);
  });

  it("makes one issue of a container of the wrong type", () => {
    expect(onWire(clusterCreateParameters, { properties: "x" })).toEqual([
      "properties: must be an object, got a string",
    ]);
    expect(onWire(clusterCreateParameters, undefined)).toEqual(["body: must be an object, got nothing"]);
    expect(onWire(clusterCreateParameters, [])).toEqual(["body: must be an object, got an array"]);
  });
});
