import { BatchAIManagementMappers } from "@azure/arm-batchai";
import { describe, expect, it } from "vitest";
import type { AnyModel, AnyType, WireProperty } from "../../src/wire/schema.ts";
import { allTables } from "./allTables.ts";

/** What the retired official SDK says about a property. */
interface Mapper {
  serializedName: string;
  required?: boolean;
  readOnly?: boolean;
  defaultValue?: unknown;
  type: MapperType;
}
interface MapperType {
  name: string;
  className?: string;
  element?: { type: MapperType };
  value?: { type: MapperType };
  allowedValues?: string[];
}

/** Models whose shape is taken over by something else here. */
const otherwise: Record<string, string> = {
  BaseResource: "an empty type of the official runtime",
  CloudError: "the official runtime flattens `error` into its own class; see test/sdk/errors.test.ts",
  OperationListResult: "lists are pages: arrays and a continuation token",
  ListUsagesResult: "likewise",
  WorkspaceListResult: "likewise",
  ExperimentListResult: "likewise",
  JobListResult: "likewise",
  FileListResult: "likewise",
  RemoteLoginInformationListResult: "likewise",
  FileServerListResult: "likewise",
  ClusterListResult: "likewise",
  WorkspacesListOptions: "options are arguments of methods, not models",
  WorkspacesListByResourceGroupOptions: "likewise",
  ExperimentsListByWorkspaceOptions: "likewise",
  JobsListByExperimentOptions: "likewise",
  JobsListOutputFilesOptions: "likewise",
  FileServersListByWorkspaceOptions: "likewise",
  ClustersListByWorkspaceOptions: "likewise",
};

/** Official names of objects that have no name in the REST API, and ours. */
const renamed: Record<string, string> = {
  JobBasePropertiesConstraints: "JobConstraints",
  JobPropertiesConstraints: "JobConstraints",
  JobPropertiesExecutionInfo: "JobExecutionInfo",
};

/** Where a row differs on purpose: what the official row has there, and why. */
const differences: Record<string, { official: object; because: string }> = {
  "ManualScaleSettings.targetNodeCount": {
    official: { defaultValue: 0 },
    because: "a required property has no use for a default",
  },
  "ImageReference.version": {
    official: { defaultValue: undefined },
    because: "the live service answered `latest` when it was left out",
  },
  "JobConstraints.maxWallClockTime": {
    official: { defaultValue: "7.00:00:00" },
    because: "the default was written in .NET's way; the live service answered P7D",
  },
};

const mappers = Object.entries(BatchAIManagementMappers as unknown as Record<string, { type: unknown }>);
const official = mappers.flatMap(([name, mapper]) => {
  const { modelProperties } = mapper.type as { modelProperties?: Record<string, Mapper> };
  return modelProperties && !(name in otherwise) ? [{ name: renamed[name] ?? name, properties: modelProperties }] : [];
});

describe("the tables of the wire and the mappers of @azure/arm-batchai", () => {
  it("know the same models", () => {
    const own = [...allTables.keys()].filter((name) => !["CloudError", "CloudErrorBody"].includes(name));
    const theirs = new Set(official.map(({ name }) => name));
    expect(own.sort()).toEqual([...theirs].sort());
  });

  it.each(official)("agree on $name", ({ name, properties }) => {
    const table = allTables.get(name);
    if (!table) throw new Error(`There is no table of ${name}.`);
    expect(Object.fromEntries(ownRows(table))).toEqual(Object.fromEntries(officialRows(properties)));
  });
});

function ownRows(table: AnyModel): [string, object][] {
  return Object.entries(table.properties).map(([property, row]) => [property, comparable(table.name, property, row)]);
}

function comparable(model: string, property: string, row: WireProperty): object {
  const difference = differences[`${model}.${property}`];
  const { path, required, readOnly, defaultValue } = row;
  return { path, required, readOnly, defaultValue, type: describeOwn(row.type), ...difference?.official };
}

function officialRows(properties: Record<string, Mapper>): [string, object][] {
  return Object.entries(properties).map(([property, mapper]) => [
    property,
    {
      path: mapper.serializedName,
      required: mapper.required ?? false,
      readOnly: mapper.readOnly ?? false,
      defaultValue: mapper.defaultValue,
      type: describeOfficial(mapper.type),
    },
  ]);
}

function describeOwn(type: AnyType): string {
  switch (type.kind) {
    case "enumeration":
      return type.closed ? type.values.join("|") : "String";
    case "model":
      return type.schema().name;
    case "array":
      return `${describeOwn(type.items)}[]`;
    case "map":
      return `map of ${describeOwn(type.values)}`;
    case "integer":
      return "Number";
    case "duration":
      return "TimeSpan";
    case "dateTime":
      return "DateTime";
    default:
      return `${type.kind.charAt(0).toUpperCase()}${type.kind.slice(1)}`;
  }
}

function describeOfficial(type: MapperType): string {
  if (type.allowedValues) return type.allowedValues.join("|");
  if (type.element) return `${describeOfficial(type.element.type)}[]`;
  if (type.value) return `map of ${describeOfficial(type.value.type)}`;
  return type.className ? (renamed[type.className] ?? type.className) : type.name;
}
