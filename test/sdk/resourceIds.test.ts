import { describe, expect, it } from "vitest";
import { childId, resourceIdInUrl, resourceKind, resourceKindInUrl, workspaceId } from "../../src/wire/resourceIds.ts";

const workspace = workspaceId("s", "g", "w");
const experiment = childId(workspace, "experiments", "e");
const job = childId(experiment, "jobs", "j");
const endpoint = "https://127.0.0.1:1/below";

describe("the kind of an ARM ID", () => {
  it.each([
    ["/subscriptions/s/resourceGroups/g", "resourceGroups"],
    [workspace, "workspaces"],
    [experiment, "experiments"],
    [job, "jobs"],
    [childId(workspace, "clusters", "c"), "clusters"],
    [childId(workspace, "fileServers", "f"), "fileServers"],
    [`${workspace}/fileServers/f`, "fileServers"],
    [job.toUpperCase(), "jobs"],
  ])("of %s is %s", (id, kind) => {
    expect(resourceKind(id)).toBe(kind);
  });

  it.each([
    "",
    "/",
    "job",
    "/subscriptions/s",
    `${workspace}/jobs/j`,
    `${workspace}/clusters`,
    `${workspace}/clusters/`,
    `${workspace}/clusters/c/`,
    `/more${workspace}`,
    `x${workspace}`,
    workspace.replace("Microsoft.BatchAI", "Microsoft.Batch"),
  ])("of %j does not exist", (id) => {
    expect(resourceKind(id)).toBeUndefined();
  });
});

describe("the ARM ID in the URL of a request", () => {
  it.each([
    ["a resource", `${endpoint}${job}?api-version=2018-05-01`, job, "jobs"],
    ["the action of a job", `${endpoint}${job}/terminate?api-version=2018-05-01`, job, "jobs"],
    ["a job named terminate", `${endpoint}${experiment}/jobs/terminate`, `${experiment}/jobs/terminate`, "jobs"],
    ["an encoded name", `${endpoint}${experiment}/jobs/a%2Fb`, `${experiment}/jobs/a/b`, "jobs"],
    ["a list", `${endpoint}${experiment}/jobs`, experiment, "experiments"],
    ["a list of output files", `${endpoint}${job}/listOutputFiles`, job, "jobs"],
    ["no resource", `${endpoint}/subscriptions/s/providers/Microsoft.BatchAI/workspaces`, undefined, undefined],
  ])("is found for %s", (_, url, id, kind) => {
    expect(resourceIdInUrl(url)).toBe(id);
    expect(resourceKindInUrl(url)).toBe(kind);
  });
});
