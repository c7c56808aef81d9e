import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ArmCaller } from "./arm.ts";
import { MeasuredService } from "./costs.ts";

let service: MeasuredService;
let arm: ArmCaller;

beforeAll(async () => {
  service = await MeasuredService.start();
  arm = service.arm;
});

afterAll(() => service.close());

const script = (pythonScriptFilePath: string) => ({
  customToolkitSettings: undefined,
  cntkSettings: { pythonScriptFilePath },
});

describe("long input takes little time", () => {
  it.each<[string, Record<string, unknown>]>([
    ["a script path of dollars", script(`${"$".repeat(100_000)} x`)],
    ["a script path of letters", script(`${"a".repeat(100_000)} x`)],
    ["a duration of digits", { constraints: { maxWallClockTime: `PT${"1".repeat(100_000)}S` } }],
    ["a fraction of digits", { constraints: { maxWallClockTime: `PT1.${"1".repeat(100_000)}S` } }],
    ["a duration without an end", { constraints: { maxWallClockTime: `P${"1".repeat(100_000)}` } }],
    [
      "an interpreter of braces",
      { ...script("a.py"), cntkSettings: { pythonScriptFilePath: "a.py", pythonInterpreterPath: "${".repeat(50_000) } },
    ],
    ["references without an end", { environmentVariables: [{ name: "A", value: "${A".repeat(40_000) }] }],
    ["a cluster ID of slashes", { cluster: { id: "/".repeat(100_000) } }],
    ["a prefix of slashes", { stdOutErrPathPrefix: `/${"/".repeat(100_000)}` }],
    ["an image of colons", { containerSettings: { imageSourceRegistry: { image: ":".repeat(100_000) } } }],
  ])("%s", async (name, properties) => {
    const path = arm.jobPath(name.replaceAll(" ", "-"));
    const answer = await service.cheap("PUT", path, arm.jobBody("true", properties));
    expect([202, 400]).toContain(answer.status);
    await arm.send("DELETE", path);
  });

  it.each<[string, string]>([
    ["deep lists", "[".repeat(1_000_000) + "]".repeat(1_000_000)],
    ["deep objects", `${'{"a":'.repeat(300_000)}1${"}".repeat(300_000)}`],
    ["deep values", JSON.stringify({ properties: JSON.parse("[".repeat(100) + "]".repeat(100)) as unknown })],
    ["a deep tag", `{"location":"eastus","tags":{"a":${"[".repeat(5000)}${"]".repeat(5000)}}}`],
  ])("%s are 400", async (_, body) => {
    const answer = await service.cheap("PUT", arm.inWorkspace("/clusters/bad"), body);
    expect(answer.status).toBe(400);
    expect(answer.body.error?.code).toBe("InvalidRequestContent");
    expect((await arm.send("POST", `${arm.jobPath("none")}/terminate`, body)).status).toBe(400);
  });

  it.each<[string, unknown]>([
    ["a million wrong items", { properties: { environmentVariables: Array.from({ length: 1_000_000 }, () => 0) } }],
    [
      "a hundred thousand members",
      Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`m${String(index)}`, 0])),
    ],
    ["a long name", { ["m".repeat(200_000)]: 0 }],
    ["a long tag", { location: "eastus", tags: { a: "x".repeat(200_000) } }],
    ["nine hundred wrong items", bodyWith({ environmentVariables: Array.from({ length: 900 }, () => ({})) })],
  ])("%s: 400 with a short message", async (_, body) => {
    const answer = await service.cheap("PUT", arm.jobPath("bad"), body);
    expect(answer.status).toBe(400);
    expect(answer.text.length).toBeLessThan(50_000);
  });

  it.each<[string, Record<string, string>]>([
    ["an Authorization header of spaces", { authorization: `Bearer ${" ".repeat(12_000)}x y` }],
    ["an Origin of colons", { origin: ":".repeat(12_000) }],
    ["a request ID of commas", { "x-ms-client-request-id": ",".repeat(12_000) }],
  ])("%s", async (_, headers) => {
    expect((await service.cheap("GET", arm.inWorkspace(), undefined, { headers })).status).toBeLessThan(500);
  });

  it.each(["$skiptoken", "maxresults", "directory", "api-version"])("a long %s", async (name) => {
    const query = `api-version=2018-05-01&outputdirectoryid=stdouterr&${name}=${"1-".repeat(6000)}`;
    expect((await service.cheap("GET", arm.inWorkspace("/clusters"), undefined, { query })).status).toBeLessThan(500);
  });
});

function bodyWith(properties: Record<string, unknown>): unknown {
  return { properties: { cluster: { id: "x" }, nodeCount: 1, ...properties } };
}
