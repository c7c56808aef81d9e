import { beforeAll, describe, expect, it } from "vitest";
import type { AnyModel, AnyType } from "../../src/wire/schema.ts";
import { allTables } from "../sdk/allTables.ts";
import { officialOperations } from "../sdk/officialSpecs.ts";
import { publicItems } from "./publicSurface.ts";
import type { PublicItem } from "./publicSurface.ts";

let items: PublicItem[];
let comments: ReadonlyMap<string, string>;

beforeAll(() => {
  items = publicItems();
  comments = new Map(items.map(({ name, comment }) => [name.replace(/^index: /, ""), comment]));
});

describe("the public surface", () => {
  it("is found at all", () => {
    const names = items.map(({ name }) => name);
    expect(names.length).toBeGreaterThan(500);
    expect(names).toEqual(
      expect.arrayContaining([
        "index: BatchAIManagementClient.constructor",
        "index: OperationOptions.requestOptions.timeout",
        "index: Clusters.create",
        "service/index: BatchAIService.start",
        "service/index: ServiceConnection.storage.accountKey",
        "files/index: FilesService.close",
      ]),
    );
    expect(names.filter((name) => name.includes("#"))).toEqual([]);
  });

  it("has a comment on every symbol and every member", () => {
    expect(items.filter(({ comment }) => !/[A-Za-z]{2}/.test(comment)).map(({ name }) => name)).toEqual([]);
  });

  it("says what happens without an option, for every option", () => {
    const options = items.filter(({ name, isOptional }) => isOptional && /(Options|PageSettings)\./.test(name));
    expect(options.length).toBeGreaterThan(30);
    // A callback or a signal that is not given does nothing, and that goes without saying.
    const telling = options.filter(({ name }) => !/\.(on[A-Z]\w+|abortSignal)$/.test(name));
    expect(telling.filter(({ comment }) => !/Default|Absent|absent:/.test(comment)).map(({ name }) => name)).toEqual([]);
  });

  it("says what a function throws, or rejects with, when it can", () => {
    const functions = items.filter(({ name, type }) => /^[\w/]+: [a-z]\w+$/.test(name) && type.includes("=>"));
    expect(functions.length).toBeGreaterThan(3);
    const silent = functions.filter(({ comment }) => !/@throws|[Tt]hrows|[Rr]ejects|Never throws/.test(comment));
    expect(silent.map(({ name }) => name)).toEqual([]);
  });

  it("holds no `any`", () => {
    expect(items.filter(({ type }) => /\bany\b/.test(type)).map(({ name, type }) => `${name}: ${type}`)).toEqual([]);
  });
});

/** Comment of a property, or of its model where that speaks for all of its properties. */
function commentOf(model: string, property: string): string {
  for (const owner of [model, "ProxyResource", "Resource", "ToolkitSettings"]) {
    const comment = comments.get(`${owner}.${property}`);
    if (comment !== undefined) return `${comments.get(owner) ?? ""}\n${comment}`;
  }
  return "";
}

/** What the tables of the wire know and the comment of the property does not say. */
function unsaid(rule: (model: AnyModel, property: string) => RegExp | undefined): string[] {
  return [...allTables.values()].flatMap((model) =>
    Object.keys(model.properties).flatMap((property) => {
      const expected = rule(model, property);
      return !expected || expected.test(commentOf(model.name, property))
        ? []
        : [`${model.name}.${property} should say ${String(expected)}`];
    }),
  );
}

const requestModels = new Set<AnyModel>();
for (const [name, model] of allTables) if (name.endsWith("Parameters")) addModels(model);

function addModels(model: AnyModel): void {
  if (requestModels.has(model)) return;
  requestModels.add(model);
  for (const { type, readOnly } of Object.values(model.properties)) if (!readOnly) addModelsOf(type);
}

function addModelsOf(type: AnyType): void {
  if (type.kind === "model") addModels(type.schema());
  if (type.kind === "array") addModelsOf(type.items);
}

describe("the comment of a property", () => {
  it("names its default", () => {
    const defaults = unsaid(({ properties }, property) => {
      const value = properties[property]?.defaultValue;
      return value === undefined ? undefined : new RegExp(`Default: \`?${String(value)}\`?`);
    });
    expect(defaults).toEqual([]);
  });

  it("says what happens without it, where it may be left out of a request", () => {
    const consequences = /Default:|Absent:|by default|Exactly one of the (?!nine)|instead of/;
    expect(
      unsaid((model, property) => {
        const row = model.properties[property];
        if (!requestModels.has(model) || !row || row.required || row.readOnly) return undefined;
        // One sentence about the model speaks for its toolkits, and for nothing else.
        const isToolkit = model.name === "JobCreateParameters" && /^(?!container)\w+Settings$/.test(property);
        return isToolkit ? /Exactly one of the nine/ : consequences;
      }),
    ).toEqual([]);
  });

  it("says that the service sets it, where it does", () => {
    const setByService = /set by the service|the service sets|as the service describes|told as part of the resource/i;
    expect(unsaid(({ properties }, property) => (properties[property]?.readOnly ? setByService : undefined))).toEqual([]);
  });

  it("says that a secret never comes back", () => {
    expect(unsaid(({ properties }, property) => (properties[property]?.secret ? /Write-only/ : undefined))).toEqual([]);
  });

  it("names its limits", () => {
    const limits = unsaid(({ properties }, property) => {
      const type = properties[property]?.type;
      if (type?.kind === "integer" && type.minimum !== undefined) return new RegExp(`at least ${type.minimum}`);
      if (type?.kind === "array" && type.maxItems !== undefined) return new RegExp(`at most ${type.maxItems}`);
      if (type?.kind === "duration") return /ISO 8601/;
      if (type?.kind === "enumeration" && type.closed) return /no other/;
      return undefined;
    });
    expect(limits).toEqual([]);
  });
});

describe("the comment of a model or a method", () => {
  const operations = officialOperations();

  it.each(["body", "answer"])("names an operation that has it as %s", (role) => {
    const missing = operations.flatMap(({ name, spec, isPaged }) => {
      const mapper = role === "body" ? spec.requestBody?.mapper : spec.responses["200"]?.bodyMapper;
      const items = isPaged ? mapper?.type.modelProperties?.value?.type.element : mapper;
      const model = items?.type.className ?? "";
      const [group = ""] = name.split(".");
      const namesOperation = (comments.get(model) ?? "").includes(`\`${group}.`);
      return model === "" || namesOperation ? [] : [`${model}: ${name}`];
    });
    expect(missing).toEqual([]);
  });

  it.each(operations.map(({ name }) => name))("of %s names the REST operation and what it rejects with", (name) => {
    const [group = "", method = ""] = name.split(".");
    const owner = group.charAt(0).toUpperCase() + group.slice(1);
    const comment = (comments.get(`${owner}.${method}`) ?? "").replaceAll(/\s*\n\s*\*\s*/g, " ");
    expect(comment).toContain(`REST operation: \`${owner}_${method.charAt(0).toUpperCase()}${method.slice(1)}\``);
    expect(comment).toMatch(/Rejects with a `(RestError|ValidationError)`/);
  });
});
