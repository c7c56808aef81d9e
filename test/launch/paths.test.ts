import { describe, expect, it } from "vitest";
import type { Job } from "../../src/models/job.ts";
import { planJob } from "../../src/service/launch/job.ts";
import { jobContext } from "./context.ts";

const root = "$AZ_BATCHAI_JOB_MOUNT_ROOT";
const stdOutErr = "properties.stdOutErrPathPrefix";
const output = "properties.outputDirectories[0]";

function outputAt(pathPrefix: string, pathSuffix?: string): Partial<Job> {
  return { outputDirectories: [{ id: "O", pathPrefix, pathSuffix }] };
}

describe("paths of a job", () => {
  const refused: [string, Partial<Job>, string, string][] = [
    ["a relative prefix", { stdOutErrPathPrefix: "logs" }, "InvalidPath", stdOutErr],
    ["an empty prefix", { stdOutErrPathPrefix: "" }, "InvalidPath", stdOutErr],
    ["a prefix that leaves its root", { stdOutErrPathPrefix: `${root}/logs/../../..` }, "InvalidPath", stdOutErr],
    ["a prefix that leaves at once", { stdOutErrPathPrefix: `${root}/../x` }, "InvalidPath", stdOutErr],
    ["an unknown variable", { stdOutErrPathPrefix: "$NO/logs" }, "UnknownVariable", stdOutErr],
    ["a NUL character", { stdOutErrPathPrefix: `${root}/a\0b` }, "InvalidPath", stdOutErr],
    ["an output that leaves its root", outputAt(`${root}/a/../../b`), "InvalidPath", `${output}.pathPrefix`],
    ["an unknown variable in an output", outputAt("${NO}"), "UnknownVariable", `${output}.pathPrefix`],
    ["a suffix that leaves its folder", outputAt(root, "a/../../b"), "InvalidPath", `${output}.pathSuffix`],
    [
      "an unknown variable in an input",
      { inputDirectories: [{ id: "I", path: "$NO" }] },
      "UnknownVariable",
      "properties.inputDirectories[0].path",
    ],
    [
      "an id used twice",
      {
        outputDirectories: [
          { id: "O", pathPrefix: root },
          { id: "O", pathPrefix: root },
        ],
      },
      "InvalidOutputDirectory",
      "properties.outputDirectories[1].id",
    ],
    [
      "the id of standard output",
      { outputDirectories: [{ id: "stdouterr", pathPrefix: root }] },
      "InvalidOutputDirectory",
      "properties.outputDirectories[0].id",
    ],
  ];
  it.each(refused)("must not have %s", (_, job, code, target) => {
    expect(() => planJob(jobContext(job))).toThrow(expect.objectContaining({ code, target }));
  });

  it("name the unknown variable in the error", () => {
    expect(() => planJob(jobContext({ stdOutErrPathPrefix: "$TYPO/logs" }))).toThrow(/TYPO/);
  });

  it("may go up and down within their root, end in slashes, and lie outside of it when they say so", () => {
    const at = (prefix: string, suffix?: string) => planJob(jobContext(outputAt(prefix, suffix))).outputs.O;
    expect(at(`${root}/a/../b//`)).toMatch(/^\/roots\/j-1\/mounts\/b\/sub\/.*\/outputs$/);
    expect(at(root, "/x/")).toMatch(/^\/roots\/j-1\/mounts\/sub\/.*\/outputs\/x$/);
    expect(at("/srv/results")).toMatch(/^\/srv\/results\/sub\//);
  });
});

describe("mounts", () => {
  it("are those of cluster and job, without what only the service needs to know about them", () => {
    const share = { accountName: "acct", shareName: "x" };
    const source = "/data/shares/acct/x";
    const clusterMounts = [{ source, target: "/roots/c-1/a", share }];
    const jobMounts = [{ source, target: "/roots/j-1/mounts/ab/c", share }];
    expect(planJob(jobContext({}, { jobMounts, clusterMounts })).plan.mounts).toEqual([
      { source, target: "/roots/c-1/a" },
      { source, target: "/roots/j-1/mounts/ab/c" },
    ]);
  });
});
