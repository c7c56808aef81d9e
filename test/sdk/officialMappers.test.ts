import { BatchAIManagementMappers } from "@azure/arm-batchai";
import { describe, expect, it } from "vitest";
import type { AnyModel, AnyType, WireProperty } from "../../src/wire/schema.ts";
import { allTables } from "./allTables.ts";
import type { Difference } from "./officialDifferences.ts";
import {
  addedProperties,
  modelDifferences,
  modelsWithoutTable,
  renamedModels,
  tablesWithoutModel,
} from "./officialDifferences.ts";
import { officialEnumerations } from "./officialEnumerations.ts";

/** What the retired official SDK says about a property. */
interface Mapper {
  serializedName: string;
  required?: boolean;
  readOnly?: boolean;
  defaultValue?: unknown;
  constraints?: Record<string, number>;
  type: MapperType;
}
interface MapperType {
  name: string;
  className?: string;
  element?: { type: MapperType };
  value?: { type: MapperType };
  allowedValues?: string[];
}

/** Everything that can be said about a property, in words of neither side. */
interface Facts {
  path: string;
  required: boolean;
  readOnly: boolean;
  defaultValue: unknown;
  type: string;
  /** Words of an enumeration. */
  values: readonly string[] | undefined;
  /** Whether other words are refused. */
  closed: boolean;
  constraints: Record<string, number>;
}

const mappers = Object.entries(BatchAIManagementMappers as unknown as Record<string, { type: unknown }>);
const enumerations = officialEnumerations();
const official = mappers.flatMap(([name, mapper]) => {
  const { modelProperties } = mapper.type as { modelProperties?: Record<string, Mapper> };
  return modelProperties && !(name in modelsWithoutTable) ? [{ name, properties: modelProperties }] : [];
});
const ownName = (name: string): string => renamedModels[name] ?? name;

describe("the tables of the wire and the mappers of @azure/arm-batchai", () => {
  it("know the same models", () => {
    const own = [...allTables.keys()].filter((name) => !(name in tablesWithoutModel));
    expect(own.sort()).toEqual([...new Set(official.map(({ name }) => ownName(name)))].sort());
  });

  it("have no exception that is none", () => {
    const names = new Set(mappers.map(([name]) => name));
    const exceptions = [...Object.keys(modelsWithoutTable), ...Object.keys(renamedModels)];
    // An empty model of the runtime is a mapper without properties of its own, under the name of the runtime.
    expect(exceptions.filter((name) => !names.has(name))).toEqual([]);
    expect(Object.keys(tablesWithoutModel).filter((name) => !allTables.has(name))).toEqual([]);
  });

  it.each(official)("know the same properties of $name", ({ name, properties }) => {
    const expected = [...Object.keys(properties), ...(addedProperties[name]?.names ?? [])];
    expect(Object.keys(tableOf(name).properties).sort()).toEqual(expected.sort());
  });

  it("agree on every property, but for what is listed", () => {
    const found = official.flatMap(({ name, properties }) =>
      Object.entries(properties).flatMap(([property, mapper]) => {
        const row = tableOf(name).properties[property];
        const where = `${ownName(name)}.${property}`;
        return row ? differences(where, officialFacts(`${name}.${property}`, mapper), ownFacts(row)) : [];
      }),
    );
    const listed = modelDifferences.map(({ because: _, ...difference }) => difference);
    expect(sorted(found)).toEqual(sorted(listed));
  });

  it("give a reason for every difference", () => {
    expect(modelDifferences.filter(({ because }) => because.length < 20)).toEqual([]);
  });

  it("have words for every enumeration of the official typings", () => {
    const words = [...enumerations.keys()].map((key) => {
      const [model = "", property = ""] = key.split(".");
      return [key, allTables.get(ownName(model))?.properties[property]?.type.kind];
    });
    expect(words.length).toBeGreaterThan(15);
    expect(words.filter(([, kind]) => kind !== "enumeration")).toEqual([]);
  });
});

/** Two mappers share a table where the API repeats an object; their differences then count once. */
function sorted(differencesOfAll: readonly Difference[]): Difference[] {
  const byKey = new Map(differencesOfAll.map((difference) => [`${difference.where} ${difference.aspect}`, difference]));
  return [...byKey.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, difference]) => difference);
}

function differences(where: string, theirs: Facts, own: Facts): Difference[] {
  const aspects = Object.keys(theirs) as (keyof Facts)[];
  return aspects
    .filter((aspect) => JSON.stringify(theirs[aspect]) !== JSON.stringify(own[aspect]))
    .map((aspect) => ({ where, aspect, official: theirs[aspect], ours: own[aspect] }));
}

function tableOf(name: string): AnyModel {
  const table = allTables.get(ownName(name));
  if (!table) throw new Error(`There is no table of ${name}.`);
  return table;
}

function ownFacts({ path, required, readOnly, defaultValue, type }: WireProperty): Facts {
  const isEnumeration = type.kind === "enumeration";
  return {
    path,
    required,
    readOnly,
    defaultValue,
    type: describeOwn(type),
    values: isEnumeration ? type.values : undefined,
    closed: isEnumeration && type.closed,
    constraints: ownConstraints(type),
  };
}

function ownConstraints(type: AnyType): Record<string, number> {
  const limits =
    type.kind === "integer"
      ? { minimum: type.minimum, maximum: type.maximum }
      : type.kind === "array"
        ? { maxItems: type.maxItems }
        : {};
  return Object.fromEntries(
    Object.entries(limits).filter((entry): entry is [string, number] => entry[1] !== undefined),
  );
}

function officialFacts(
  where: string,
  { serializedName, required, readOnly, defaultValue, constraints, type }: Mapper,
): Facts {
  return {
    path: serializedName,
    required: required ?? false,
    readOnly: readOnly ?? false,
    defaultValue,
    type: describeOfficial(type),
    values: type.allowedValues ?? enumerations.get(where),
    closed: type.allowedValues !== undefined,
    constraints: constraints ?? {},
  };
}

function describeOwn(type: AnyType): string {
  switch (type.kind) {
    case "enumeration":
      return "String";
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
  if (type.allowedValues) return "String";
  if (type.element) return `${describeOfficial(type.element.type)}[]`;
  if (type.value) return `map of ${describeOfficial(type.value.type)}`;
  return type.className ? ownName(type.className) : type.name;
}
