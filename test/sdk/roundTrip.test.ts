import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clusterCreateParameters } from "../../src/wire/tables/cluster.ts";
import { deserialize } from "../../src/wire/deserialize.ts";
import { file } from "../../src/wire/tables/file.ts";
import { job, jobCreateParameters } from "../../src/wire/tables/job.ts";
import { isJsonObject } from "../../src/wire/jsonObject.ts";
import type { AnyModel, AnyType, ModelSchema } from "../../src/wire/schema.ts";
import { serialize } from "../../src/wire/serialize.ts";
import { validate } from "../../src/wire/validate.ts";
import { workspace } from "../../src/wire/tables/workspace.ts";
import { allTables } from "./allTables.ts";
import { workspaceBody } from "./fixtures.ts";

describe("a model that travels", () => {
  it("goes below `properties` and comes back flat", () => {
    const parameters = {
      cluster: { id: "/subscriptions/s/resourceGroups/g/providers/Microsoft.BatchAI/workspaces/w/clusters/c" },
      nodeCount: 2,
      stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/logs",
      customToolkitSettings: { commandLine: "python train.py" },
      secrets: [{ name: "TOKEN", value: "s3cret" }],
      jobPreparation: undefined,
    };
    const body = serialize(jobCreateParameters, parameters);
    expect(body).toEqual({
      properties: {
        cluster: parameters.cluster,
        nodeCount: 2,
        stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/logs",
        customToolkitSettings: { commandLine: "python train.py" },
        secrets: [{ name: "TOKEN", value: "s3cret" }],
      },
    });
    expect(JSON.stringify(body)).not.toContain("jobPreparation");
    expect(deserialize(jobCreateParameters, body)).toEqual(parameters);
  });

  it.each([
    ["2018-06-06T18:39:26.491Z", "2018-06-06T18:39:26.491Z"],
    ["2018-06-06T18:39:26.350Z", "2018-06-06T18:39:26.35Z"],
    ["2018-06-06T18:39:20.700Z", "2018-06-06T18:39:20.7Z"],
    ["2018-06-06T18:39:20.000Z", "2018-06-06T18:39:20Z"],
    ["2018-06-06T18:30:00.000Z", "2018-06-06T18:30:00Z"],
  ])("writes the date %s as %s", (instant, written) => {
    const body = serialize(workspace, { ...workspaceBody, creationTime: new Date(instant) });
    expect(body).toEqual({ ...workspaceBody, properties: { creationTime: written } });
    expect(deserialize(workspace, body).creationTime).toEqual(new Date(instant));
  });

  it("keeps what a newer service adds, at any place", () => {
    const value = deserialize(job, {
      id: "/x",
      systemData: { createdBy: "me" },
      properties: { experimentName: "e", nodeCount: 1, executionInfo: { exitCode: 0, totalJobNodeHours: 3 } },
    });
    expect(value).toEqual({
      id: "/x",
      systemData: { createdBy: "me" },
      experimentName: "e",
      nodeCount: 1,
      executionInfo: { exitCode: 0, totalJobNodeHours: 3 },
    });
    expect(serialize(job, value)).toHaveProperty("properties.experimentName", "e");
  });

  it("never lets an unknown member take the place of a known one", () => {
    expect(deserialize(job, { id: "/true", properties: { id: "/false" } })).toEqual({ id: "/true" });
  });

  it("drops unknown and read-only members for a service that reads requests", () => {
    const body = {
      location: "here",
      properties: {
        vmSize: "STANDARD_D1",
        colour: "red",
        userAccountSettings: { adminUserName: "me", homeDirectory: "/me" },
        nodeSetup: { setupTask: { commandLine: "true", stdOutErrPathPrefix: "/logs", stdOutErrPathSuffix: "mine" } },
      },
    };
    expect(deserialize(clusterCreateParameters, body, { unknown: "drop", readOnly: "drop" })).toEqual({
      vmSize: "STANDARD_D1",
      userAccountSettings: { adminUserName: "me" },
      nodeSetup: { setupTask: { commandLine: "true", stdOutErrPathPrefix: "/logs" } },
    });
  });

  it("leaves what it does not understand as it came", () => {
    const value = deserialize(job, {
      properties: { nodeCount: "two", creationTime: "yesterday", inputDirectories: {}, constraints: 7, cluster: null },
    });
    expect(value).toEqual({ nodeCount: "two", creationTime: "yesterday", inputDirectories: {}, constraints: 7 });
    expect(deserialize(job, { properties: "x" })).toEqual({ properties: "x" });
    expect(deserialize(file, null)).toBeNull();
  });

  it("survives members with treacherous names", () => {
    const body: unknown = JSON.parse('{"__proto__":{"a":1},"properties":{"constructor":"c","__proto__":{"b":2}}}');
    const value = deserialize(job, body);
    const travelled = serialize(job, value);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.getPrototypeOf(travelled)).toBe(Object.prototype);
    expect(({} as { a?: number }).a).toBeUndefined();
  });

  it.each([...allTables.values()])("is the same after a round trip: $name", (table) => {
    fc.assert(
      fc.property(arbitraryModel(table, 4), (value) => {
        const schema = table as ModelSchema<unknown>;
        const travelled: unknown = JSON.parse(JSON.stringify(serialize(schema, value)));
        expect(deserialize(schema, travelled)).toEqual(value);
        expect(validate(schema, value, { view: "model", path: "" })).toEqual([]);
        expect(validate(schema, travelled, { view: "wire", path: "" })).toEqual([]);
        expect(isJsonObject(travelled)).toBe(true);
      }),
      { seed: 20180501, numRuns: 20 },
    );
  });
});

function arbitraryModel(model: AnyModel, depth: number): fc.Arbitrary<Record<string, unknown>> {
  const rows = Object.entries(model.properties).filter(([, row]) => depth > 0 || row.required);
  const members = rows.map(([name, row]): [string, fc.Arbitrary<unknown>] => [name, arbitraryValue(row.type, depth)]);
  return fc.record(Object.fromEntries(members), {
    requiredKeys: rows.filter(([, row]) => row.required).map(([name]) => name),
    noNullPrototype: true,
  });
}

function arbitraryValue(type: AnyType, depth: number): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case "string":
      return fc.string();
    case "duration":
      return fc.constantFrom("P7D", "PT4H30M", "PT0.5S", "P1Y2M3DT4H", "P2W");
    case "integer":
      return fc.integer({ min: type.minimum ?? -(2 ** 31), max: type.maximum ?? 2 ** 31 - 1 });
    case "dateTime":
      return fc.date({ min: new Date("2018-01-01"), max: new Date("2038-01-01"), noInvalidDate: true });
    case "enumeration":
      return fc.constantFrom(...type.values, ...(type.closed ? [] : ["somethingNew"]));
    case "model":
      return fc.constant(type).chain((held) => arbitraryModel(held.schema(), depth - 1));
    case "array":
      return fc.array(arbitraryValue(type.items, depth - 1), { maxLength: 2 });
    case "map":
      return fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), arbitraryValue(type.values, depth), {
        noNullPrototype: true,
      });
    case "object":
      return fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.string(), { noNullPrototype: true });
  }
}
