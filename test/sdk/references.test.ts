import { createHttpHeaders } from "@azure/core-rest-pipeline";
import type { HttpClient, PipelineRequest } from "@azure/core-rest-pipeline";
import { beforeEach, describe, expect, expectTypeOf, it } from "vitest";
import type { Cluster, FileServer, Job, JobCreateParameters, ResourceId } from "../../src/index.ts";
import { clusterBody, jobBody, quickClient, rejectionOf } from "./fixtures.ts";

const sent: PipelineRequest[] = [];
let answer: object = jobBody;
const httpClient: HttpClient = {
  sendRequest: (request) => {
    sent.push(request);
    const bodyAsText = JSON.stringify(answer);
    return Promise.resolve({ request, status: 200, headers: createHttpHeaders(), bodyAsText });
  },
};
const client = quickClient({ httpClient });
beforeEach(() => {
  sent.length = 0;
  answer = jobBody;
});

const cluster: Cluster = {
  ...clusterBody,
  vmSize: "STANDARD_D1",
  creationTime: new Date(0),
  nodeStateCounts: { idleNodeCount: 1 },
};
const parameters = { nodeCount: 1, stdOutErrPathPrefix: "/logs" };
const create = (value: ResourceId, from = client): PromiseLike<unknown> =>
  from.jobs.create("g", "w", "e", "j", { ...parameters, cluster: value });
const sentProperties = (): unknown => (JSON.parse(sent[0]?.body as string) as { properties: unknown }).properties;

class Handle {
  readonly #id: string;
  constructor(id: string) {
    this.#id = id;
  }
  get id(): string {
    return this.#id;
  }
  delete(): void {
    throw new Error("not called");
  }
}

describe("a reference to a resource", () => {
  it("is the type of every resource", () => {
    expectTypeOf<Cluster>().toExtend<ResourceId>();
    expectTypeOf<Job>().toExtend<ResourceId>();
    expectTypeOf<FileServer>().toExtend<ResourceId>();
    expectTypeOf<{
      nodeCount: number;
      stdOutErrPathPrefix: string;
      cluster: Cluster;
    }>().toExtend<JobCreateParameters>();
  });

  it.each<[string, ResourceId]>([
    ["a resource", cluster],
    ["an ID with something else", { id: cluster.id, novelty: 1 } as ResourceId],
    ["an object with methods", { id: cluster.id, get: () => undefined } as ResourceId],
    ["an instance of a class", new Handle(cluster.id)],
    ["an object that inherits its ID", Object.create({ id: cluster.id }) as ResourceId],
  ])("can be %s, of which only the ID is sent", async (_, value) => {
    await create(value);
    await create(value, quickClient({ httpClient, validate: false }));
    expect(sent.map(({ body }) => JSON.parse(body as string) as unknown)).toEqual(
      Array(2).fill({ properties: { ...parameters, cluster: { id: cluster.id } } }),
    );
  });

  it("can stand anywhere in a request", async () => {
    answer = clusterBody;
    const vault = { sourceVault: cluster, secretUrl: "https://vault/secret" };
    await client.clusters.create("g", "w", "c", {
      vmSize: "STANDARD_D1",
      userAccountSettings: { adminUserName: "me" },
      subnet: cluster,
      nodeSetup: {
        mountVolumes: { fileServers: [{ fileServer: cluster, relativeMountPath: "nfs" }] },
        performanceCountersSettings: {
          appInsightsReference: { component: cluster, instrumentationKeySecretReference: vault },
        },
      },
    });
    const id = { id: cluster.id };
    expect(sentProperties()).toMatchObject({
      subnet: id,
      nodeSetup: {
        mountVolumes: { fileServers: [{ fileServer: id, relativeMountPath: "nfs" }] },
        performanceCountersSettings: {
          appInsightsReference: {
            component: id,
            instrumentationKeySecretReference: { sourceVault: id, secretUrl: "https://vault/secret" },
          },
        },
      },
    });
    expect(JSON.stringify(sentProperties())).not.toContain("creationTime");
  });

  it.each<[object, string]>([
    [{}, "parameters.cluster.id: is required"],
    [{ name: "c" }, "parameters.cluster.id: is required"],
    [Promise.resolve(cluster), "parameters.cluster.id: is required"],
    [{ ...cluster, id: 5 }, "parameters.cluster.id: must be a string, got 5"],
  ])("is rejected without an ID: %j", async (value, issue) => {
    const error = await rejectionOf(create(value as ResourceId));
    expect(error).toMatchObject({ name: "ValidationError", message: `jobs.create: ${issue}` });
    expect(sent).toEqual([]);
  });

  it("keeps in a response what a newer service adds", async () => {
    answer = { ...jobBody, properties: { cluster: { id: "/c", novelty: 1 } } };
    await expect(client.jobs.get("g", "w", "e", "j")).resolves.toMatchObject({ cluster: { id: "/c", novelty: 1 } });
  });
});
