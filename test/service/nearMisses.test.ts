import { afterAll, beforeAll, expect, it } from "vitest";
import type { AnyModel, WireMembers } from "../../src/wire/schema.ts";
import { cluster, clusterCreateParameters, clusterUpdateParameters } from "../../src/wire/tables/cluster.ts";
import { fileServer, fileServerCreateParameters } from "../../src/wire/tables/fileServer.ts";
import { job, jobCreateParameters } from "../../src/wire/tables/job.ts";
import { workspace, workspaceCreateParameters } from "../../src/wire/tables/workspace.ts";
import { unknownProperties } from "../../src/wire/unknownProperties.ts";
import { clusterBody } from "./arm.ts";
import { EmbeddedService } from "./embeddedService.ts";

let embedded: EmbeddedService;
const logged: { readonly details: Record<string, unknown>; readonly message: string }[] = [];

beforeAll(async () => {
  const logger = {
    debug: (details: Record<string, unknown>, message: string) => logged.push({ details, message }),
    info() {},
    warn() {},
    error() {},
  };
  embedded = await EmbeddedService.start({ logger });
  await embedded.arm.prepare(0);
});

afterAll(async () => {
  await embedded.close();
});

it.each([
  ["containerSetings", { containerSetings: {} }, "properties.containerSetings", "containerSettings"],
  ["ContainerSettings", { ContainerSettings: {} }, "properties.ContainerSettings", "containerSettings"],
  ["mountvolume", { mountvolume: {} }, "properties.mountvolume", "mountVolumes"],
  [
    "imageSourceRegistri",
    { containerSettings: { imageSourceRegistry: { image: "busybox" }, imageSourceRegistri: {} } },
    "properties.containerSettings.imageSourceRegistri",
    "imageSourceRegistry",
  ],
  [
    "Value in a list",
    {
      environmentVariables: [
        { name: "A", value: "" },
        { name: "B", value: "", Value: "x" },
      ],
    },
    "properties.environmentVariables[1].Value",
    "value",
  ],
  ["ID of the cluster", { cluster: { ID: "x" } }, "properties.cluster.ID", "id"],
])("a job with a mistyped property is refused: %s", async (_, properties, target, meant) => {
  const answer = await embedded.arm.send("PUT", embedded.arm.jobPath("bad"), embedded.arm.jobBody("true", properties));
  expect(answer).toMatchObject({ status: 400, body: { error: { code: "InvalidParameter", target } } });
  expect(answer.body.error?.message).toContain(`${target}: is not a property. Did you mean ${meant}?`);
});

it("mistyped properties of clusters, updates, workspaces and resource groups are refused", async () => {
  const { arm } = embedded;
  const cases: readonly (readonly [string, string, object, string])[] = [
    ["PUT", arm.inWorkspace("/clusters/bad"), clusterBody(0, { scaleSetings: {} }), "properties.scaleSetings"],
    ["PUT", arm.inWorkspace("/clusters/bad"), { ...clusterBody(0), Properties: {} }, "Properties"],
    ["PATCH", arm.inWorkspace("/clusters/nodes"), { properties: { scalesettings: {} } }, "properties.scalesettings"],
    ["PATCH", arm.inWorkspace(), { tag: { a: "b" } }, "tag"],
    ["PUT", arm.inSubscription("/resourceGroups/bad"), { location: "eastus", Tags: {} }, "Tags"],
  ];
  for (const [method, path, body, target] of cases) {
    const answer = await arm.send(method, path, body);
    expect(answer, target).toMatchObject({ status: 400, body: { error: { code: "InvalidParameter", target } } });
  }
});

it("other unknown properties are ignored, and logged by their names", async () => {
  const { arm } = embedded;
  const tags = { tag: "1", Tags: "2", locations: "3" };
  await arm.expect("PATCH", arm.inWorkspace(), { $schema: "x", etag: "1", tags, containerSetings: null });
  expect(logged).toContainEqual({
    details: { properties: ["$schema", "etag"] },
    message: "ignored unknown properties of a request",
  });
  expect((await arm.expect("GET", arm.inWorkspace())).body.tags).toEqual(tags);
});

it.each([
  [clusterCreateParameters, cluster],
  [clusterUpdateParameters, cluster],
  [jobCreateParameters, job],
  [fileServerCreateParameters, fileServer],
  [workspaceCreateParameters, workspace],
])("no property of a response is taken for a mistake in a request ($0.name)", (parameters: AnyModel, response) => {
  const body = bodyWith(response.members);
  expect(Object.keys(body).length).toBeGreaterThan(0);
  expect(unknownProperties(parameters, body).nearMisses).toEqual([]);
});

/** Returns a body with every property of a resource, whatever its value is. */
function bodyWith(members: WireMembers): Record<string, unknown> {
  return Object.fromEntries([...members].map(([name, place]) => [name, "property" in place ? "x" : bodyWith(place)]));
}
