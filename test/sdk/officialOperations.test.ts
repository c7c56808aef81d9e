import { createHttpHeaders } from "@azure/core-rest-pipeline";
import type { HttpClient, PipelineRequest } from "@azure/core-rest-pipeline";
import { describe, expect, it } from "vitest";
import { BatchAIManagementClient, isRestError, tokenCredential, ValidationError } from "../../src/index.ts";
import { collect, workspaceBody } from "./fixtures.ts";
import type { Difference } from "./officialDifferences.ts";
import { operationDifferences, renamedMethods } from "./officialDifferences.ts";
import { officialOperations, sampleOf } from "./officialSpecs.ts";
import type { OfficialMapper, OfficialOperation } from "./officialSpecs.ts";

const operations = officialOperations();

/** What is given to an operation, by the names of the REST API. */
interface Given {
  names?: Record<string, unknown>;
  query?: Record<string, unknown>;
  body?: unknown;
}

interface Outcome {
  /** The first request; absent when nothing was sent. */
  request: PipelineRequest | undefined;
  result?: unknown;
  error?: unknown;
}

const namesOf = ({ spec }: OfficialOperation): string[] =>
  [...spec.path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name).filter((name) => name !== "subscriptionId");

const queryOf = ({ spec }: OfficialOperation): OfficialMapper[] =>
  spec.queryParameters.map(({ mapper }) => mapper).filter(({ serializedName }) => serializedName !== "api-version");

const optionNames: Record<string, string> = { maxresults: "maxResults", linkexpiryinminutes: "linkExpiryInMinutes" };

/** Runs an operation of our client against a service that answers once like this, and from then on with a resource. */
async function run(
  operation: OfficialOperation,
  { names = {}, query = {}, body }: Given = {},
  answer: { status: number; body?: unknown } = { status: 200, body: workspaceBody },
): Promise<Outcome> {
  const requests: PipelineRequest[] = [];
  const httpClient: HttpClient = {
    sendRequest: (request) => {
      const { status, body: json } = requests.push(request) === 1 ? answer : { status: 200, body: workspaceBody };
      const bodyAsText = json === undefined ? "" : JSON.stringify(json);
      return Promise.resolve({ request, status, headers: createHttpHeaders(), bodyAsText });
    },
  };
  const client = new BatchAIManagementClient(tokenCredential("t"), "subscriptionId", { httpClient });
  const { outputdirectoryid = "OUT", ...optional } = query;
  const options = Object.fromEntries(
    Object.entries(optional).map(([name, value]) => [optionNames[name] ?? name, value]),
  );
  const needsDirectoryId = queryOf(operation).some(({ serializedName }) => serializedName === "outputdirectoryid");
  const args = [
    ...namesOf(operation).map((name) => (name in names ? names[name] : name)),
    ...(operation.spec.requestBody ? [body === undefined ? smallBody(operation) : body] : []),
    ...(needsDirectoryId ? [outputdirectoryid] : []),
    options,
  ];
  const group = client[operation.group as "jobs"] as unknown as Record<string, (...all: unknown[]) => unknown>;
  try {
    const call = group[operation.method]?.(...args);
    const result = operation.isPaged ? await collect(call as AsyncIterable<unknown>) : await call;
    return { request: requests[0], result };
  } catch (error) {
    return { request: requests[0], error };
  }
}

function smallBody({ spec }: OfficialOperation): unknown {
  return spec.requestBody && sampleOf(spec.requestBody.mapper, spec, "model");
}

async function accepts(operation: OfficialOperation, given: Given): Promise<boolean> {
  const { request, error } = await run(operation, given);
  if (error !== undefined && !(error instanceof ValidationError))
    throw new Error("not about arguments", { cause: error });
  expect(request === undefined).toBe(error !== undefined);
  return error === undefined;
}

function officialAccepts({ constraints = {}, required }: OfficialMapper, value: string | number | undefined): boolean {
  if (value === undefined) return !required;
  if (typeof value === "number") {
    return value >= (constraints.InclusiveMinimum ?? -Infinity) && value <= (constraints.InclusiveMaximum ?? Infinity);
  }
  const { MinLength = 0, MaxLength = Infinity, Pattern = /^/ } = constraints;
  return value.length >= MinLength && value.length <= MaxLength && Pattern.test(value);
}

const characters = Array.from(" !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~aZ09äß漢\n\t\u0000", (character) => `a${character}`);
const nameProbes = [undefined, "", "a", ".", "..", "...", "-", "_", "é", ...characters, "x".repeat(64), "x".repeat(65)];

describe("the operations of @azure/arm-batchai", () => {
  it("are 29, and all of them are here", () => {
    const client = new BatchAIManagementClient(tokenCredential("t"), "s");
    expect(operations).toHaveLength(29);
    for (const { group, method } of operations) {
      expect(client[group as "jobs"], group).toHaveProperty(method, expect.any(Function));
    }
  });

  it("have no renamed method that is none", () => {
    const methods = new Set(operations.map(({ officialMethod }) => officialMethod));
    expect(Object.keys(renamedMethods).filter((method) => !methods.has(method))).toEqual([]);
  });

  it("differ from ours only where it is listed", async () => {
    const found: Difference[] = [];
    for (const operation of operations) found.push(...(await differencesOf(operation)));
    const different = new Map(found.map((difference) => [`${difference.where} ${difference.aspect}`, difference]));
    const listed = operationDifferences.map(({ because: _, ...difference }) => difference);
    const byName = (a: Difference, b: Difference): number => (a.where + a.aspect < b.where + b.aspect ? -1 : 1);
    expect([...different.values()].sort(byName)).toEqual(listed.sort(byName));
  });
});

async function differencesOf(operation: OfficialOperation): Promise<Difference[]> {
  const { spec } = operation;
  const found: Difference[] = [];
  for (const { mapper } of spec.urlParameters ?? []) {
    const name = mapper.serializedName;
    if (name === "subscriptionId") continue;
    for (const value of nameProbes) {
      const [official, ours] = [officialAccepts(mapper, value), await accepts(operation, { names: { [name]: value } })];
      if (official !== ours) found.push({ where: name, aspect: `accepts ${JSON.stringify(value)}`, official, ours });
    }
  }
  const { request } = await run(operation);
  const official = spec.headerParameters.map(({ mapper }) => mapper.serializedName);
  const ours = official.filter((name) => request?.headers.has(name));
  if (official.length !== ours.length) found.push({ where: "every operation", aspect: "headers", official, ours });
  return found;
}

describe.each(operations.map((operation): [string, OfficialOperation] => [operation.name, operation]))(
  "%s",
  (_, operation) => {
    const { spec } = operation;

    it("has the same verb and path", async () => {
      const { request } = await run(operation);
      expect(request?.method).toBe(spec.httpMethod);
      const path = spec.path.replace(/^\/?/, "/").replaceAll(/[{}]/g, "");
      expect(new URL(request?.url ?? "").pathname).toBe(path);
    });

    it("has the same query, required and optional, within the same limits", async () => {
      const mappers = queryOf(operation);
      const values = mappers.map(({ serializedName, type }) => [serializedName, type.name === "Number" ? 7 : "text"]);
      const full = await run(operation, { query: Object.fromEntries(values) as Record<string, unknown> });
      const sent = Object.fromEntries(new URL(full.request?.url ?? "").searchParams);
      expect(sent).toEqual({
        "api-version": "2018-05-01",
        ...Object.fromEntries(values.map(([name, value]) => [name, String(value)])),
      });

      const least = new URL((await run(operation)).request?.url ?? "").searchParams;
      const required = mappers.filter((mapper) => mapper.required).map(({ serializedName }) => serializedName);
      expect([...least.keys()].filter((name) => name !== "api-version")).toEqual(required);
      for (const name of required) expect(await accepts(operation, { query: { [name]: null } })).toBe(false);

      for (const mapper of mappers.filter(({ type }) => type.name === "Number")) {
        const { InclusiveMinimum: minimum = 0, InclusiveMaximum: maximum = 0 } = mapper.constraints ?? {};
        for (const value of [minimum - 1, minimum, maximum, maximum + 1]) {
          const ours = await accepts(operation, { query: { [mapper.serializedName]: value } });
          expect([mapper.serializedName, value, ours]).toEqual([
            mapper.serializedName,
            value,
            officialAccepts(mapper, value),
          ]);
        }
      }
    });

    it("sends the same body, every property of it", async () => {
      const { request } = await run(operation);
      if (!spec.requestBody) {
        expect(request?.body).toBeUndefined();
        return;
      }
      const { mapper } = spec.requestBody;
      const official = spec.serializer.serialize(mapper, sampleOf(mapper, spec, "model"));
      expect(JSON.parse(request?.body as string)).toEqual(official);
      expect(await accepts(operation, { body: null })).toBe(!mapper.required);
    });

    it("takes the same status codes for success", async () => {
      const success: number[] = [];
      for (const status of [200, 201, 202, 203, 204, 205, 206, 207, 300, 304, 400, 401, 403, 404, 405, 409, 412, 422]) {
        const { error } = await run(operation, {}, { status, body: status === 204 ? undefined : workspaceBody });
        if (error === undefined) success.push(status);
        else expect(isRestError(error) && error.statusCode).toBe(status);
      }
      expect(success).toEqual(
        Object.keys(spec.responses)
          .filter((code) => code !== "default")
          .map(Number),
      );
    });

    it("reads the same from an answer, every property of it", async () => {
      const mapper = spec.responses["200"]?.bodyMapper;
      if (!mapper) {
        expect((await run(operation, {}, { status: 200 })).result).toBeUndefined();
        return;
      }
      const model = sampleOf(mapper, spec, "wire") as Record<string, unknown>;
      const { nextLink, ...body } = model;
      const { result, error } = await run(operation, {}, { status: 200, body });
      expect(error).toBeUndefined();
      const official: unknown = spec.serializer.deserialize(mapper, body, "answer");
      expect(result).toEqual(Array.isArray(official) ? [...(official as unknown[])] : official);
      expect(nextLink !== undefined).toBe(operation.isPaged);
    });

    it("is long-running or paged where the official one is", () => {
      const client = new BatchAIManagementClient(tokenCredential("t"), "", { validate: false });
      const group = client[operation.group as "jobs"] as unknown as Record<string, (...all: unknown[]) => unknown>;
      const call = group[operation.method]?.("a", "b", "c", "d", {}) as Promise<unknown> & Record<string, unknown>;
      expect("byPage" in call).toBe(operation.isPaged);
      expect("serialize" in call).toBe(operation.isLongRunning);
      if (!operation.isPaged) return expect(call).rejects.toThrow("subscriptionId: is required");
    });
  },
);
